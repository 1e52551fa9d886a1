/** An object of a parsed document. A path may be called `__proto__`: entries are only copied, never assigned by name. */
export type Tree = Readonly<Record<string, unknown>>

/** Whether a value of a document has entries. */
export function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** An entry's value, where it has entries itself. */
export function subtree(tree: Tree, name: string): Tree {
  const value = entry(tree, name)
  return isTree(value) ? value : {}
}

/** An entry of its own: not what every object inherits. */
export function entry(tree: Tree, name: string): unknown {
  return Object.hasOwn(tree, name) ? tree[name] : undefined
}

/** The same tree with some entries set; an entry of `undefined` is left out. Returns `tree` where nothing changes. */
export function withEntries(tree: Tree, entries: readonly (readonly [string, unknown])[]): Tree {
  if (entries.every(([name, value]) => entry(tree, name) === value)) return tree
  const all = new Map([...Object.entries(tree), ...entries])
  return Object.fromEntries([...all].filter(([, value]) => value !== undefined))
}

/** Each entry mapped. Returns `tree` where nothing changes. */
export function mapEntries(tree: Tree, map: (value: unknown, name: string) => unknown): Tree {
  return withEntries(
    tree,
    Object.entries(tree).map(([name, value]) => [name, map(value, name)]),
  )
}

/** `undefined` in place of a tree that has lost all of its entries. */
export function unlessEmptied(before: unknown, after: Tree): Tree | undefined {
  return before !== after && Object.keys(after).length === 0 ? undefined : after
}

/** Whether two values say the same; the order of entries is of no account. */
export function isSame(one: unknown, other: unknown): boolean {
  if (one === other) return true
  if (Array.isArray(one) && Array.isArray(other)) {
    return one.length === other.length && one.every((value, i) => isSame(value, other[i]))
  }
  if (!isTree(one) || !isTree(other)) return false
  const names = Object.keys(one)
  return (
    names.length === Object.keys(other).length &&
    names.every((name) => Object.hasOwn(other, name) && isSame(one[name], other[name]))
  )
}
