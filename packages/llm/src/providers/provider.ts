import type { Standing, Unit } from '@sluice/core'
import { bindingOf, type Field } from '@sluice/core/http'
import type { UsageSaid } from '../usage/usage.js'

/** The APIs whose requests, answers and denials are known. */
export type ProviderName = 'openai' | 'anthropic' | 'gemini'

/** What a request asks for. */
export interface Asked {
  readonly model: string | undefined
  readonly isStream: boolean
  /** Tokens that each of its choices may have at most; `undefined` where the request does not say. */
  readonly maxOutputTokens: number | undefined
  /** How many answers are asked for at once. */
  readonly choices: number
}

/** What a client is told whose request is refused or denied, or whose stream is cut. */
export interface Problem {
  readonly status: number
  readonly message: string
  readonly code: ProblemCode
}

export type ProblemCode =
  | ('rate_limit_exceeded' | 'insufficient_quota' | 'access_denied' | 'server_overloaded')
  | ('context_length_exceeded' | 'model_not_found' | 'invalid_body')

/** One API: what its requests ask for, what its answers say was used, and how it denies. */
export interface Provider {
  /** @param url The request's target, with its query. */
  asked(body: unknown, url: string): Asked
  /** Has a stream say what was used, where it does not by itself; whether anything had to be changed for that. */
  askForUsage(body: unknown, url: string): boolean
  /** What a whole answer, or an event of a stream, says of its usage; `undefined` where it says nothing. */
  usage(data: unknown): UsageSaid | undefined
  /** Which model answered, where the answer says so. */
  answeredBy(data: unknown): string | undefined
  /** The body of an error. */
  error(problem: Problem): object
  /** The same, as an event of a stream. */
  errorEvent(problem: Problem): string
  /** This API's own fields for limits in requests and in tokens; `now` in Unix milliseconds. */
  fields(standings: readonly Standing[], now: number): readonly Field[]
}

/** A whole number of tokens in a request; what is none is left to the provider to refuse. */
export function count(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined
}

/** As many answers as are asked for at once; what is no number is left to the provider to refuse. */
export function choicesIn(...values: readonly unknown[]): number {
  return Math.min(MOST_CHOICES, Math.max(1, ...values.map((value) => count(value) ?? 1)))
}

const MOST_CHOICES = 128

/** A target without its query. */
export function pathOf(url: string): string {
  const query = url.indexOf('?')
  return query === -1 ? url : url.slice(0, query)
}

export function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

/** Of the policies that count this unit the one that denied, or else has the least left. */
export function tightest(standings: readonly Standing[], unit: Unit): Reported | undefined {
  const binding = bindingOf(standings.filter(({ policy }) => policy.unit === unit))
  if (binding === undefined) return undefined
  const { policy, remaining, resetAfterMs } = binding
  const resets = Number.isFinite(resetAfterMs) ? Math.ceil(resetAfterMs) : undefined
  return { limit: policy.quota, remaining: Math.min(remaining, policy.quota), resetAfterMs: resets }
}

/** What the fields of all providers say. */
interface Reported {
  readonly limit: number
  readonly remaining: number
  /** `undefined`: never, or later than can be said. */
  readonly resetAfterMs: number | undefined
}
