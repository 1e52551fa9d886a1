import { isAbsolute, relative, sep } from 'node:path'
import { ConfigError } from '@sluice/core'

/** A line and a column, both from 1. */
export interface Place {
  readonly line: number
  readonly col: number
}

/** The way to a value in a configuration: keys, and the numbers of items in lists. */
export type Path = readonly PropertyKey[]

/** One thing that is wrong in a file. */
export interface Problem {
  readonly path: Path
  readonly sentence: string
  /** Unknown in JavaScript and TypeScript. */
  readonly place?: Place | undefined
}

/** By its code: @sluice/quota may come with another copy of core. */
export function isConfigError(error: unknown): error is Error {
  return error instanceof Error && 'code' in error && error.code === 'SLUICE_CONFIG'
}

/** More would scroll the first one, which is often the cause, out of sight. */
const MOST_SHOWN = 10

/** All problems of a file in one error, a line each, in the order of the file. */
export function configError(file: string, problems: readonly Problem[], cause?: unknown): ConfigError {
  const lines = [...new Set([...problems].sort(byPlace).map((problem) => line(file, problem)))]
  const shown = lines.slice(0, MOST_SHOWN)
  if (lines.length > MOST_SHOWN) shown.push(`… and ${lines.length - MOST_SHOWN} more.`)
  return new ConfigError(shown.join('\n'), cause === undefined ? undefined : { cause })
}

function byPlace({ place: a }: Problem, { place: b }: Problem): number {
  if (a === undefined || b === undefined) return 0
  return a.line - b.line || a.col - b.col
}

function line(file: string, { path, sentence, place }: Problem): string {
  const position = place === undefined ? '' : `:${place.line}:${place.col}`
  return `${shownFile(file)}${position}: ${path.length === 0 ? '' : `${shownPath(path)}: `}${sentence}`
}

/** Relative to the working directory where the file is inside it. */
export function shownFile(file: string): string {
  const within = relative(process.cwd(), file)
  return within === '' || within === '..' || within.startsWith(`..${sep}`) || isAbsolute(within) ? file : within
}

/** As it would be written in JavaScript: `limits.search.policies[0].burst`. */
function shownPath(path: Path): string {
  return path
    .map((step, index) => {
      if (typeof step === 'number') return `[${step}]`
      const name = String(step)
      if (!/^[\w$-]+$/.test(name)) return `[${shown(name)}]`
      return index === 0 ? name : `.${name}`
    })
    .join('')
}

/** A sentence that also says what was read. */
export function complete(sentence: string, got: string): string {
  const whole = sentence.startsWith('expected ') && !sentence.includes(', got ') ? `${sentence}, got ${got}` : sentence
  return /[.?]$/.test(whole) ? whole : `${whole}.`
}

/** What was thrown, in one line. */
export function describe(thrown: unknown): string {
  const text = thrown instanceof Error ? thrown.message : shown(thrown)
  return (text.split('\n')[0] ?? '').replace(/\.$/, '')
}

/** A value as it stands in a sentence: short, quoted, in one line. */
export function shown(value: unknown): string {
  if (value === undefined || value === null) return 'nothing'
  if (typeof value === 'function') return 'a function'
  if (typeof value === 'object') return Array.isArray(value) ? 'a list' : 'an object'
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value)
  return text.length > 60 ? `${text.slice(0, 57)}…` : text
}
