import { type Document, isAlias, isMap, isNode, isPair, isScalar, isSeq, type Node, type Pair } from 'yaml'
import type { Path } from '../problems.js'

/** Follows a path as far as it leads, through aliases and merged maps. */
export function find(document: Document, path: Path, part: 'key' | 'value'): Node | undefined {
  let node = resolved(document, document.contents)
  for (const [index, step] of path.entries()) {
    const pair = isSeq(node) ? undefined : pairOf(document, node, String(step))
    const inner = isSeq(node) ? node.items[Number(step)] : pair?.value
    const wanted = part === 'key' && index === path.length - 1 ? (pair?.key ?? inner) : inner
    if (!isNode(wanted)) return isNode(pair?.key) ? pair.key : node
    node = resolved(document, wanted)
  }
  return node
}

/** The path to a node, of what `visit` says is above it. */
export function pathTo(above: readonly unknown[], node: unknown): Path {
  const chain = [...above, node]
  return chain.flatMap((one, index): PropertyKey[] => {
    if (isPair(one)) return [isScalar(one.key) ? String(one.key.value) : '?']
    return isSeq(one) ? [one.items.indexOf(chain[index + 1])] : []
  })
}

export function resolved(document: Document, node: Node | null): Node | undefined {
  return (isAlias(node) ? node.resolve(document) : node) ?? undefined
}

function pairOf(document: Document, node: Node | undefined, name: string): Pair | undefined {
  if (!isMap(node)) return undefined
  const own = node.items.find(({ key }) => isScalar(key) && typeof key.value !== 'symbol' && String(key.value) === name)
  return own ?? mergedPairOf(document, node.items, name)
}

/** A merge key is a symbol; its value is a map or a list of them. */
function mergedPairOf(document: Document, pairs: readonly Pair[], name: string): Pair | undefined {
  for (const { key, value } of pairs) {
    if (!isScalar(key) || typeof key.value !== 'symbol' || !isNode(value)) continue
    const merged = resolved(document, value)
    for (const source of isSeq(merged) ? merged.items : [merged]) {
      const found = isNode(source) ? pairOf(document, resolved(document, source), name) : undefined
      if (found !== undefined) return found
    }
  }
  return undefined
}
