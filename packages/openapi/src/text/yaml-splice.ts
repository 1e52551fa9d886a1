import { type Document, isMap, isNode, type Pair, stringify, type ToStringOptions, type YAMLMap } from 'yaml'
import type { Change, Place } from './changes.js'
import { endOf, pairOf, startOf } from './yaml-pairs.js'

/** A part of a text, and what takes its place. */
interface Splice {
  readonly start: number
  readonly end: number
  readonly text: string
}

/**
 * A text in YAML with these changes, and nothing else changed: what is added is put behind the last entry of its map.
 * `undefined` where a change concerns what an anchor or an alias stands for.
 */
export function splicedYaml(
  text: string,
  document: Document.Parsed,
  changes: readonly Change[],
  style: ToStringOptions,
): string | undefined {
  const splices: Splice[] = []
  for (const change of changes) {
    const map = mapAt(document.contents, change.place.slice(0, -1))
    const splice = map && spliceOf(new Text(text, style), map, change)
    if (splice === undefined) return undefined
    splices.push(splice)
  }
  return applied(text, splices)
}

/** The map at a place, unless it is, or is in, something that has another name too. */
function mapAt(root: unknown, place: Place): YAMLMap | undefined {
  let node: unknown = root
  for (const name of [...place, undefined]) {
    if (!isMap(node) || node.anchor !== undefined) return undefined
    if (name === undefined) return node
    node = pairOf(node, name)?.value
  }
  return undefined
}

function spliceOf(text: Text, map: YAMLMap, change: Change): Splice | undefined {
  const name = change.place.at(-1) ?? ''
  const pair = pairOf(map, name)
  const isFlow = map.flow === true
  if (change.kind === 'added')
    return isFlow ? text.addedToFlow(map, name, change.value) : text.addedToBlock(map, name, change.value)
  if (pair === undefined || (isNode(pair.value) && 'anchor' in pair.value && pair.value.anchor !== undefined))
    return undefined
  if (change.kind === 'removed') return isFlow ? text.removedFromFlow(map, pair) : text.removedFromBlock(pair)
  return isFlow ? text.replacedInFlow(pair, change.value) : text.replacedInBlock(map, pair, change.value)
}

/** The text, and how things are written in it. */
class Text {
  readonly #text: string
  readonly #style: ToStringOptions
  readonly #lineBreak: string

  constructor(text: string, style: ToStringOptions) {
    this.#text = text
    this.#style = style
    this.#lineBreak = text.includes('\r\n') ? '\r\n' : '\n'
  }

  addedToBlock(map: YAMLMap, name: string, value: unknown): Splice | undefined {
    const last = map.items.at(-1)
    const end = last && endOf(last)
    if (end === undefined) return undefined
    const at = this.#lineEnd(end)
    const isOpen = at === this.#text.length && !this.#text.endsWith('\n')
    const column = this.#columnOf(map)
    const block = `${' '.repeat(column)}${this.#key(map, name)}${this.#value(value, column)}`
    return { start: at, end: at, text: isOpen ? `${this.#lineBreak}${block}` : `${block}${this.#lineBreak}` }
  }

  replacedInBlock(map: YAMLMap, pair: Pair<unknown, unknown>, value: unknown): Splice | undefined {
    const start = isNode(pair.key) ? pair.key.range?.[1] : undefined
    const end = endOf(pair)
    if (start === undefined || end === undefined) return undefined
    const written = this.#value(value, this.#columnOf(map))
    // The value of a block ends with its last line break.
    const isWhole = this.#text[end - 1] === '\n'
    if (!written.includes('\n')) return { start, end, text: isWhole ? `${written}${this.#lineBreak}` : written }
    const lineEnd = isWhole ? end : this.#lineEnd(end)
    const comment = isWhole ? '' : this.#text.slice(end, lineEnd).trimEnd()
    const [first = '', ...lines] = written.split(this.#lineBreak)
    return { start, end: lineEnd, text: [`${first}${comment}`, ...lines, ''].join(this.#lineBreak) }
  }

  removedFromBlock(pair: Pair<unknown, unknown>): Splice | undefined {
    const start = startOf(pair)
    const end = endOf(pair)
    if (start === undefined || end === undefined) return undefined
    return { start: this.#lineStart(start), end: this.#lineEnd(end), text: '' }
  }

  addedToFlow(map: YAMLMap, name: string, value: unknown): Splice | undefined {
    const last = map.items.at(-1)
    const at = last && endOf(last)
    return at === undefined
      ? undefined
      : { start: at, end: at, text: `, ${this.#key(map, name)}: ${this.#flow(value)}` }
  }

  replacedInFlow(pair: Pair<unknown, unknown>, value: unknown): Splice | undefined {
    const start = isNode(pair.key) ? pair.key.range?.[1] : undefined
    const end = endOf(pair)
    return start === undefined || end === undefined ? undefined : { start, end, text: `: ${this.#flow(value)}` }
  }

  removedFromFlow(map: YAMLMap, pair: Pair<unknown, unknown>): Splice | undefined {
    const index = map.items.indexOf(pair)
    const before = map.items[index - 1]
    const after = map.items[index + 1]
    const start = before === undefined ? startOf(pair) : endOf(before)
    const end = before === undefined && after !== undefined ? startOf(after) : endOf(pair)
    return start === undefined || end === undefined ? undefined : { start, end, text: '' }
  }

  /** A key as its neighbours are written: `429` beside `200`, `'429'` beside `'200'`. */
  #key(map: YAMLMap, name: string): string {
    const neighbour = map.items.at(-1)?.key
    const [start = 0, end = 0] = isNode(neighbour) ? (neighbour.range ?? []) : []
    const shown = this.#text.slice(start, end)
    if (/^\d+$/.test(name) && /^\d+$/.test(shown)) return name
    const quote = /^['"]/.exec(shown)?.[0]
    if (quote !== undefined && /^[\w ./-]*$/.test(name)) return `${quote}${name}${quote}`
    return stringify({ [name]: 0 }, this.#style).replace(/: 0\n$/, '')
  }

  /** `: value`, with what is below it behind a column of spaces. */
  #value(value: unknown, column: number): string {
    const [, written = ''] = /^k(:[\s\S]*?)\n$/.exec(stringify({ k: value }, this.#style)) ?? []
    return written
      .split('\n')
      .map((line, i) => (i === 0 || line === '' ? line : `${' '.repeat(column)}${line}`))
      .join(this.#lineBreak)
  }

  #flow(value: unknown): string {
    return stringify(value, { ...this.#style, collectionStyle: 'flow' }).trim()
  }

  #columnOf(map: YAMLMap): number {
    const [first] = map.items
    const start = (first && startOf(first)) ?? 0
    return start - this.#lineStart(start)
  }

  #lineStart(at: number): number {
    return this.#text.lastIndexOf('\n', at - 1) + 1
  }

  /** Where the next line begins; here, where a line begins here. */
  #lineEnd(at: number): number {
    if (at > 0 && this.#text[at - 1] === '\n') return at
    const end = this.#text.indexOf('\n', at)
    return end === -1 ? this.#text.length : end + 1
  }
}

/** Splices at one place stand in the order in which they were made: what is added to a map before what is added to the one around it. */
function applied(text: string, splices: readonly Splice[]): string {
  let written = ''
  let at = 0
  for (const { start, end, text: inserted } of [...splices].sort((a, b) => a.start - b.start)) {
    written += text.slice(at, Math.max(at, start)) + inserted
    at = Math.max(at, end)
  }
  return written + text.slice(at)
}
