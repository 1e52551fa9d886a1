import { type Document, isAlias, isMap, isNode, isPair, isScalar, isSeq, type Node, type Scalar, visit } from 'yaml'
import type { Path, Place, Problem } from '../problems.js'
import { aliasFaults } from './anchors.js'
import { converted, type Environment, type Substituted, substitute } from './environment.js'
import { find, pathTo } from './find.js'
import { placeAt } from './place.js'
import { parse } from './syntax.js'

/** A configuration's text as values, which know where they stand. */
export interface SourceDocument {
  /** What is wrong with the text itself and its variables. */
  readonly problems: readonly Problem[]
  /** Whether there are values: not where the text is no JSON or YAML. */
  readonly readable: boolean
  value(): unknown
  /** Where a value stands, or its key; for one that is missing, what it is missing in. */
  place(path: Path, part: 'key' | 'value'): Place
  /** The variables in a text, or in all texts of an object or a list. */
  variables(path: Path): readonly string[]
  /** Makes the text of a variable the number or boolean that it stands for; `false` where it is none. */
  convert(path: Path): boolean
}

/** Reads a text and fills in its variables. */
export function sourceDocument(text: string, format: 'json' | 'yaml', environment: Environment): SourceDocument {
  const place = (node: Node | undefined): Place => placeAt(text, node?.range?.[0] ?? 0)
  const { document, problems: syntax } = parse(text, format)
  if (document === undefined) return unreadable(syntax, place(undefined))
  const problemOf = ({ node, path = [], sentence }: Fault): Problem => ({ path, place: place(node), sentence })
  const { filled, faults } = fill(document, environment)
  const structure = [...aliasFaults(document), ...keyFaults(document)]
  if (structure.length === 0) structure.push(...valueFaults(document))
  const problems = [...syntax, ...[...structure, ...faults].map(problemOf)]
  if (structure.length > 0) return unreadable(problems)
  const at = (path: Path, part: 'key' | 'value' = 'value'): Node | undefined => find(document, path, part)
  return {
    problems,
    readable: true,
    value: () => document.toJS(),
    place: (path, part) => place(at(path, part)),
    variables: (path) => variablesIn(document, at(path), filled),
    convert: (path) => convert(at(path), filled),
  }
}

/** A node that is wrong. */
interface Fault {
  readonly node: Node | undefined
  readonly path?: Path
  readonly sentence: string
}

type Filled = ReadonlyMap<Scalar, Substituted>

function unreadable(problems: readonly Problem[], start: Place = { line: 1, col: 1 }): SourceDocument {
  return {
    problems,
    readable: false,
    value: () => undefined,
    place: () => start,
    variables: () => [],
    convert: () => false,
  }
}

function fill(document: Document, environment: Environment): { readonly filled: Filled; readonly faults: Fault[] } {
  const filled = new Map<Scalar, Substituted>()
  const faults: Fault[] = []
  visit(document, {
    Scalar(position, node, above) {
      if (position === 'key' || typeof node.value !== 'string' || !node.value.includes('${')) return
      const substituted = substitute(node.value, environment)
      node.value = substituted.text
      filled.set(node, substituted)
      for (const sentence of substituted.faults) faults.push({ node, path: pathTo(above, node), sentence })
    },
  })
  return { filled, faults }
}

function keyFaults(document: Document): Fault[] {
  const faults: Fault[] = []
  visit(document, {
    Pair(_, { key }) {
      // The key of a merge is a symbol.
      const isName = isScalar(key) && ['string', 'number', 'symbol'].includes(typeof key.value)
      if (isName && key.value !== '__proto__') return
      const sentence = isName ? 'expected a key other than __proto__.' : 'expected a text as key.'
      faults.push({ node: isNode(key) ? key : undefined, sentence })
    },
  })
  return faults
}

/** Aliases that multiply, and merges of what is no map. */
function valueFaults(document: Document): Fault[] {
  try {
    document.toJS()
    return []
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    return [
      {
        node: undefined,
        sentence: `expected aliases and merges that can be resolved, got some that cannot: ${message}.`,
      },
    ]
  }
}

function convert(node: Node | undefined, filled: Filled): boolean {
  if (!isScalar(node) || typeof node.value !== 'string' || filled.get(node)?.whole !== true) return false
  const value = converted(node.value)
  if (value !== undefined) node.value = value
  return value !== undefined
}

function variablesIn(document: Document, node: Node | undefined, filled: Filled): readonly string[] {
  const names = new Set<string>()
  const collect = (one: unknown): void => {
    if (isAlias(one)) collect(one.resolve(document))
    else if (isScalar(one)) for (const name of filled.get(one)?.names ?? []) names.add(name)
    else if (isPair(one)) collect(one.value)
    else if (isMap(one) || isSeq(one)) for (const item of one.items) collect(item)
  }
  collect(node)
  return [...names]
}
