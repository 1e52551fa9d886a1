import { type Document, parseDocument, type YAMLError } from 'yaml'
import { type Problem, shown } from '../problems.js'
import { DEEPEST, tooDeepAt } from './depth.js'
import { jsonFault } from './json-syntax.js'
import { placeAt } from './place.js'

/** A text as a document, or what keeps it from being one. */
export interface Parsed {
  readonly document: Document | undefined
  readonly problems: readonly Problem[]
}

/**
 * Reads JSON and YAML alike: JSON is YAML, once it is known to be JSON.
 * Keys that occur twice are problems, but leave a document.
 */
export function parse(text: string, format: 'json' | 'yaml'): Parsed {
  const problem = (offset: number, sentence: string): Problem => ({ path: [], place: placeAt(text, offset), sentence })
  const fault = format === 'json' ? jsonFault(text) : undefined
  if (fault !== undefined) {
    const sentence = `expected ${fault.expected}, got ${characterAt(text, fault.offset)}.${hint(text, fault.offset)}`
    return { document: undefined, problems: [problem(fault.offset, sentence)] }
  }
  const deep = tooDeepAt(text)
  if (deep !== undefined) {
    return { document: undefined, problems: [problem(deep, `expected at most ${DEEPEST} levels, got more.`)] }
  }
  const document = parseDocument(text, {
    prettyErrors: false,
    schema: 'core',
    merge: true,
    resolveKnownTags: false,
    logLevel: 'error',
  })
  const faults = [...document.errors, ...document.warnings]
  const duplicates = faults.filter(isDuplicate)
  // One mistake leads to others: only the first can be trusted.
  const first = faults.filter((one) => !isDuplicate(one)).sort((a, b) => a.pos[0] - b.pos[0])[0]
  return {
    document: first === undefined ? document : undefined,
    problems: [...duplicates, ...(first === undefined ? [] : [first])].map((one) =>
      problem(one.pos[0], sentenceOf(one, text)),
    ),
  }
}

function isDuplicate({ code }: YAMLError): boolean {
  return code === 'DUPLICATE_KEY'
}

function sentenceOf({ code, message, pos }: YAMLError, text: string): string {
  switch (code) {
    case 'DUPLICATE_KEY':
      return `expected each key once, got ${keyAt(text, pos[0])} again.`
    case 'TAB_AS_INDENT':
      return 'expected spaces as indentation, got a tab.'
    case 'MULTIPLE_DOCS':
      return 'expected one document, got a second one after ---.'
    default:
      return `expected YAML, got what is none: ${message.split('\n')[0]}.${unquoted(text, pos[0])}`
  }
}

function keyAt(text: string, offset: number): string {
  return /^(?:"[^"\n]*"|'[^'\n]*'|[^\s:,{}"']+)/.exec(text.slice(offset, offset + 60))?.[0] ?? 'one'
}

/** Inside braces and brackets, YAML takes the braces of a variable for its own. */
function unquoted(text: string, offset: number): string {
  const line = text.slice(text.lastIndexOf('\n', offset - 1) + 1).split('\n', 1)[0] ?? ''
  return /[[{].*\$\{/.test(line) ? ` Inside { } and [ ], quote variables: '\${NAME}'.` : ''
}

function characterAt(text: string, offset: number): string {
  const point = text.codePointAt(offset)
  return point === undefined ? 'the end of the file' : shown(String.fromCodePoint(point))
}

function hint(text: string, offset: number): string {
  const rest = text.slice(offset, offset + 2)
  if (rest === '//' || rest === '/*') return ' JSON has no comments; sluice.config.yaml may have them.'
  return text[offset] === "'" ? ' JSON has double quotes only.' : ''
}
