import type * as z from 'zod'
import { type Path, shown } from '../problems.js'
import { OTHER_KIND, WITHOUT_QUOTES } from './expectations.js'

type Issue = z.core.$ZodIssue

/** An issue in plain words. */
export interface Complaint {
  readonly path: Path
  /** Whether it is about the key rather than its value. */
  readonly part: 'key' | 'value'
  /** What was expected; or all of it, where it already says what was read. */
  readonly sentence: string
  /** The sentence to show instead where what was read is secret. */
  readonly withoutQuotes?: string | undefined
}

/** The issues of a value, each as deep as it can be traced. */
export function complaints(issues: readonly Issue[], value: unknown, above: Path = []): Complaint[] {
  return issues.flatMap((issue) => {
    const path = [...above, ...issue.path]
    switch (issue.code) {
      case 'unrecognized_keys': {
        const lines = issue.message.split('\n')
        return issue.keys.map(
          (key, index): Complaint => ({ path: [...path, key], part: 'key', sentence: lines[index] ?? '' }),
        )
      }
      case 'invalid_key':
        return [{ path, part: 'key', sentence: `${issue.issues[0]?.message}, got ${shown(path.at(-1))}` }]
      case 'invalid_union': {
        const branch = meant(issue.errors, valueAt(value, issue.path))
        if (branch !== undefined) return complaints(branch, valueAt(value, issue.path), path)
        return [{ path, part: 'value', sentence: issue.message }]
      }
      default:
        return [{ path, part: 'value', sentence: unnamed(issue.message, path), withoutQuotes: withoutQuotes(issue) }]
    }
  })
}

/** Core names the option first, which the path does already. */
function unnamed(message: string, path: Path): string {
  const name = `${String(path.at(-1))}: `
  return message.startsWith(name) ? message.slice(name.length) : message
}

function withoutQuotes(issue: Issue): string | undefined {
  const sentence: unknown = issue.code === 'custom' ? issue.params?.[WITHOUT_QUOTES] : undefined
  return typeof sentence === 'string' ? sentence : undefined
}

/** The branch of a union that a value was meant for: of its kind, with the fewest keys that are missing or unknown. */
function meant(branches: readonly (readonly Issue[])[], value: unknown): readonly Issue[] | undefined {
  const ranked = flat(branches)
    .filter((branch) => !branch.some(isOtherKind))
    .map((branch) => ({ branch, strangeness: strangeness(branch, value) }))
    .sort((a, b) => a.strangeness - b.strangeness)
  const [first, second] = ranked
  return first === undefined || first.strangeness === second?.strangeness ? undefined : first.branch
}

/** The branches of unions in a union are its own. */
function flat(branches: readonly (readonly Issue[])[]): readonly (readonly Issue[])[] {
  return branches.flatMap((branch) => {
    const [only] = branch
    return branch.length === 1 && only?.code === 'invalid_union' && only.path.length === 0
      ? flat(only.errors)
      : [branch]
  })
}

const OTHER_KINDS: readonly string[] = ['invalid_type', 'invalid_value', 'invalid_format']

function isOtherKind(issue: Issue): boolean {
  if (issue.path.length > 0) return false
  return OTHER_KINDS.includes(issue.code) || (issue.code === 'custom' && issue.params?.[OTHER_KIND] === true)
}

function strangeness(branch: readonly Issue[], value: unknown): number {
  return branch.reduce((sum, issue) => {
    if (issue.code === 'unrecognized_keys' && issue.path.length === 0) return sum + issue.keys.length
    return issue.path.length > 0 && valueAt(value, issue.path) === undefined ? sum + 1 : sum
  }, 0)
}

/** What a path leads to. */
export function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>((inner, step) => {
    return typeof inner === 'object' && inner !== null && Object.hasOwn(inner, step)
      ? (inner as Readonly<Record<PropertyKey, unknown>>)[step]
      : undefined
  }, value)
}
