import { type Document, isAlias, isNode, type Node, visit } from 'yaml'

/** An alias that values cannot be made of, and why. */
export interface AliasFault {
  readonly node: Node
  readonly sentence: string
}

/** Aliases of nothing, and those inside what they stand for. */
export function aliasFaults(document: Document): AliasFault[] {
  const known = new Set<string>()
  const faults: AliasFault[] = []
  visit(document, {
    Node(_, node, above) {
      if (!isAlias(node)) {
        const anchor = anchorOf(node)
        if (anchor !== undefined) known.add(anchor)
      } else if (!known.has(node.source)) {
        faults.push({ node, sentence: `expected an anchor above, got *${node.source}, which has none.` })
      } else if (above.some((one) => isNode(one) && anchorOf(one) === node.source)) {
        faults.push({ node, sentence: `expected an anchor that is complete, got *${node.source} inside its own.` })
      }
    },
  })
  return faults
}

function anchorOf(node: object): string | undefined {
  return 'anchor' in node && typeof node.anchor === 'string' ? node.anchor : undefined
}
