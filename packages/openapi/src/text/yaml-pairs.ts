import { isAlias, isMap, isNode, isScalar, isSeq, type Pair, type YAMLMap } from 'yaml'

/** The entry of a map that is called so, however it is written: `429` and `'429'` are one in JSON. */
export function pairOf(map: YAMLMap, name: string): Pair<unknown, unknown> | undefined {
  return map.items.find(({ key }) => String(isScalar(key) ? key.value : key) === name)
}

/** Where an entry begins in its text. */
export function startOf({ key }: Pair<unknown, unknown>): number | undefined {
  return isNode(key) ? key.range?.[0] : undefined
}

/** Where an entry ends in its text, without comments and blank lines behind it. */
export function endOf({ key, value }: Pair<unknown, unknown>): number | undefined {
  const end = endOfNode(value)
  if (end !== undefined) return end
  const keyEnd = isNode(key) ? key.range?.[1] : undefined
  return keyEnd === undefined ? undefined : keyEnd + 1
}

function endOfNode(node: unknown): number | undefined {
  if (!isNode(node) || !node.range) return undefined
  if (isScalar(node) || isAlias(node)) return node.range[1] > node.range[0] ? node.range[1] : undefined
  if ((isMap(node) || isSeq(node)) && node.flow !== true) {
    const last: unknown = node.items.at(-1)
    if (last === undefined) return node.range[1]
    return isMap(node) ? endOf(last as Pair<unknown, unknown>) : endOfNode(last)
  }
  return node.range[1]
}
