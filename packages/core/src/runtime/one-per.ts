/** What is created once for each object, when it is first asked for, and lives as long as that object. */
export function onePer<K extends object, V extends object>(create: (owner: K) => V): (owner: K) => V {
  const created = new WeakMap<K, V>()
  return (owner) => {
    let value = created.get(owner)
    if (value === undefined) {
      value = create(owner)
      created.set(owner, value)
    }
    return value
  }
}
