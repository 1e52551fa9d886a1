/** @throws {Error} with both values, unless they are alike, member by member. */
export function same(actual: unknown, expected: unknown, what: string): void {
  const [got, wanted] = [shape(actual), shape(expected)]
  if (got !== wanted) throw new Error(`${what}: expected ${wanted}, got ${got}`)
}

function shape(value: unknown): string {
  return JSON.stringify(value, (_key, member) => (member === Number.POSITIVE_INFINITY ? 'Infinity' : member))
}
