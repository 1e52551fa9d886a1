import {
  type Alias,
  type Document,
  isAlias,
  isMap,
  isNode,
  isPair,
  isScalar,
  type Node,
  type Pair,
  Scalar,
  type ToStringOptions,
  visit,
  type YAMLMap,
} from 'yaml'
import type { Change, Place } from './changes.js'
import { pairOf } from './yaml-pairs.js'

/** Changes the nodes of a document in YAML, and writes all of it anew: comments stay, while spaces may not. */
export class YamlNodes {
  readonly #document: Document.Parsed

  constructor(document: Document.Parsed) {
    this.#document = document
  }

  /** The text with these changes. The nodes are changed too. */
  changed(changes: readonly Change[], style: ToStringOptions): string {
    for (const change of changes) this.#apply(change)
    return this.#document.toString(style)
  }

  #apply(change: Change): void {
    const parent = this.#mapAt(change.place.slice(0, -1))
    const name = change.place.at(-1) ?? ''
    const pair = pairOf(parent, name)
    if (change.kind === 'removed') {
      if (pair !== undefined) parent.items.splice(parent.items.indexOf(pair), 1)
      return
    }
    const node = this.#node(change.value)
    if (pair === undefined) {
      parent.items.push(this.#document.createPair(this.#keyLike(parent, name), node))
      // An empty `{}` would make one line of all that is put into it.
      if (parent.items.length === 1) parent.flow = false
      return
    }
    if (isScalar(node) && isScalar(pair.value)) {
      this.#own(pair)
      if (isScalar(pair.value)) this.#rewrite(pair.value, node.value)
    } else pair.value = node
  }

  #node(value: unknown): Node {
    const node = this.#document.createNode(value, { aliasDuplicateObjects: false })
    if (isScalar(node) && typeof node.value === 'string' && node.value.includes('\n')) node.type = Scalar.BLOCK_LITERAL
    return node
  }

  /** A text that gets several lines is a block; its comment stays. */
  #rewrite(scalar: Scalar, value: unknown): void {
    scalar.value = value
    delete scalar.source
    const isBlock = scalar.type === Scalar.BLOCK_LITERAL || scalar.type === Scalar.BLOCK_FOLDED
    if (typeof value === 'string' && value.includes('\n') && !isBlock) scalar.type = Scalar.BLOCK_LITERAL
  }

  /** The map at a place. What an alias stands for there becomes a copy, so that nothing else changes with it. */
  #mapAt(place: Place): YAMLMap {
    let node: unknown = this.#document.contents
    for (const name of place) {
      if (!isMap(node)) throw new Error(`The document has no map at ${place.join('.')}.`)
      const pair = pairOf(node, name) ?? this.#merged(node, name)
      this.#own(pair)
      node = pair.value
    }
    if (!isMap(node)) throw new Error(`The document has no map at ${place.join('.')}.`)
    return node
  }

  /** An entry that a map has by `<<`, as an entry of its own. */
  #merged(map: YAMLMap, name: string): Pair<unknown, unknown> {
    const value = new Map(Object.entries(map.toJS(this.#document) as object)).get(name)
    const pair = this.#document.createPair(name, value)
    map.items.push(pair)
    return pair
  }

  /** Makes an entry's value its own: no alias, and not what aliases stand for. */
  #own(pair: Pair<unknown, unknown>): void {
    if (isAlias(pair.value)) pair.value = this.#copyOf(pair.value)
    if (isNode(pair.value) && 'anchor' in pair.value && pair.value.anchor !== undefined) this.#detach(pair.value)
  }

  #copyOf(alias: Alias): unknown {
    const source = alias.resolve(this.#document)
    const copy = source?.clone()
    if (copy !== undefined && 'anchor' in copy) delete copy.anchor
    return copy
  }

  /** Puts a copy in place of each alias of a node that is about to change. */
  #detach(node: Node): void {
    visit(this.#document, {
      Alias: (_key, alias) => {
        if (alias.resolve(this.#document) !== node) return undefined
        const copy = this.#copyOf(alias)
        return isNode(copy) ? copy : undefined
      },
    })
    if ('anchor' in node) delete node.anchor
  }

  /** A key as its neighbours are written: `429` beside `200`, `'429'` beside `'200'`. */
  #keyLike({ items }: YAMLMap, name: string): Scalar {
    const neighbour = items.findLast((pair): pair is Pair<Scalar, unknown> => isPair(pair) && isScalar(pair.key))?.key
    const isNumber = typeof neighbour?.value === 'number' && /^\d+$/.test(name)
    const key = new Scalar(isNumber ? Number(name) : name)
    if (neighbour?.type !== undefined && typeof neighbour.value === 'string' && QUOTED.has(neighbour.type))
      key.type = neighbour.type
    return key
  }
}

const QUOTED: ReadonlySet<string> = new Set([Scalar.QUOTE_SINGLE, Scalar.QUOTE_DOUBLE])
