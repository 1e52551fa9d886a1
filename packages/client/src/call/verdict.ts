import { isError } from '@sluice/core/runtime'
import { type HeaderFields, parseRateLimit } from '../parse/parse-rate-limit.js'
import type { RateLimitReport, RemoteLimit } from '../parse/remote-limit.js'
import { quotaReason } from './quota-reason.js'

/** What an attempt came to, as retry, breaker and pacing see it. */
export interface Verdict {
  /** The HTTP status, where there is one. */
  readonly status: number | undefined
  /** What it says of limits. */
  readonly report: RateLimitReport
  /** Too fast, or too much: a 429, or a 403 that says when to come back or that nothing is left, as GitHub's. */
  readonly isRate: boolean
  /** Counts against the server: 5xx, a timeout, a network error. Not a 429, nor an abort. */
  readonly isFailure: boolean
  /** Neither a success nor an answer that another attempt would get too. */
  readonly isRetryable: boolean
  /** Nothing was done: it may be sent again, whatever it is. */
  readonly isUnprocessed: boolean
  /** Why it is a quota that is used up, and no rate. */
  readonly quota: string | undefined
}

/** The earliest time to try again, and the limit that says so: `Retry-After`, or for a 429 the limits that are or may be used up. */
export function hintOf({ isRate, report }: Verdict): {
  readonly retryAt: number | null
  readonly limit: RemoteLimit | undefined
} {
  const usedUp = report.limits.filter(({ remaining }) => remaining === 0 || remaining === null)
  if (report.retryAt !== null)
    return { retryAt: report.retryAt, limit: usedUp.find(({ remaining }) => remaining === 0) }
  let retryAt: number | null = null
  let limit: RemoteLimit | undefined
  if (isRate) {
    for (const one of usedUp) {
      if (one.resetAt === null || one.resetAt <= (retryAt ?? 0)) continue
      retryAt = one.resetAt
      limit = one
    }
  }
  return { retryAt, limit }
}

const NO_REPORT: RateLimitReport = { limits: [], retryAt: null }

/** Something that succeeded and says nothing. */
export const PLAIN_SUCCESS: Verdict = {
  status: undefined,
  report: NO_REPORT,
  isRate: false,
  isFailure: false,
  isRetryable: false,
  isUnprocessed: false,
  quota: undefined,
}

/** What a status and its fields mean. */
export function verdictOfStatus(status: number, headers: HeaderFields, statuses: ReadonlySet<number>): Verdict {
  const report = parseRateLimit(headers)
  const told = status < 400 ? null : fieldOf(headers, 'x-should-retry')
  const isRate = status === 429 || (status === 403 && saysWhen(report))
  const isRefused = isRate || (status === 503 && report.retryAt !== null)
  return {
    status,
    report,
    isRate,
    isFailure: status >= 500,
    isRetryable: told === 'true' || (told !== 'false' && (isRate ? statuses.has(429) : statuses.has(status))),
    isUnprocessed: isRefused || told === 'true',
    quota: undefined,
  }
}

function saysWhen({ retryAt, limits }: RateLimitReport): boolean {
  return retryAt !== null || limits.some(({ remaining }) => remaining === 0)
}

/** What something that was thrown means: by the response that it carries, as the errors of got, axios and SDKs do, or else by itself. */
export function verdictOfError(error: unknown, statuses: ReadonlySet<number>): Verdict {
  const response = responseIn(error)
  if (response !== undefined) {
    const verdict = verdictOfStatus(response.status, response.headers, statuses)
    if (response.status !== 429) return verdict
    return { ...verdict, quota: quotaReason(response.body, hintOf(verdict).retryAt) }
  }
  const isFailure = !isMistake(error)
  return {
    ...PLAIN_SUCCESS,
    isFailure,
    isRetryable: isFailure,
    isUnprocessed: UNSENT.has(codeOf(error) ?? ''),
  }
}

/** What kept a call from being sent below us: by a dispatcher of ours, which fetch hands on as a cause. */
export function refusalIn(error: unknown): unknown {
  return codedIn(error).find((one) => isError(one) && one.code.startsWith('SLUICE_'))
}

/** No connection was made, so nothing was sent. */
const UNSENT: ReadonlySet<string> = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'UND_ERR_CONNECT_TIMEOUT'])

/** An error's code, or that of what caused it: `fetch` fails with a TypeError whose cause says why. */
function codeOf(error: unknown): string | undefined {
  return codedIn(error)[0]?.code
}

/** Of an error and what caused it, those that have a code. */
function codedIn(error: unknown): readonly { readonly code: string }[] {
  const coded: { readonly code: string }[] = []
  for (let at = error, depth = 0; typeof at === 'object' && at !== null && depth < 5; depth++) {
    const one = at as { readonly code?: unknown; readonly cause?: unknown }
    if (typeof one.code === 'string') coded.push(one as { readonly code: string })
    at = one.cause
  }
  return coded
}

/** A fault of the caller's, which another attempt would repeat: a bad URL, a forbidden redirect, a function that is none. */
function isMistake(error: unknown): boolean {
  if (!isError(error)) return false
  const { name, message, cause } = error
  // Of an abort of its own, not of this call's.
  if (name === 'AbortError') return true
  if (name === 'SyntaxError' || name === 'ReferenceError' || name === 'RangeError') return true
  if (name !== 'TypeError') return false
  // A network error is a TypeError too. In Node.js its cause has a code; that of a bad scheme or too many redirects has none.
  if (cause !== undefined) return codeOf(cause)?.startsWith('ERR_INVALID') ?? true
  // In browsers, Deno and Bun it begins with these words.
  return !NETWORK_ERROR.test(message)
}

const NETWORK_ERROR =
  /^(?:failed to fetch|fetch failed|load failed|terminated|network ?error|network request failed|error sending request|the network connection was lost)/i

interface ResponseIn {
  readonly status: number
  readonly headers: HeaderFields
  /** As text, or parsed. */
  readonly body: unknown
}

function responseIn(error: unknown): ResponseIn | undefined {
  if (typeof error !== 'object' || error === null) return undefined
  const { response } = error as { readonly response?: unknown }
  return asResponse(response) ?? asResponse(error)
}

function asResponse(value: unknown): ResponseIn | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { status, statusCode, headers, body, data, error } = value as Readonly<Record<string, unknown>>
  const code = typeof status === 'number' ? status : statusCode
  if (typeof code !== 'number') return undefined
  const fields = typeof headers === 'object' && headers !== null ? (headers as HeaderFields) : {}
  // Of got, of axios, of the errors of SDKs.
  return { status: code, headers: fields, body: body ?? data ?? error }
}

/** What a function returned: by its status and its fields, where it has both as a response has. */
export function verdictOfResult(result: object, statuses: ReadonlySet<number>): Verdict {
  const response = 'headers' in result ? asResponse(result) : undefined
  return response === undefined ? PLAIN_SUCCESS : verdictOfStatus(response.status, response.headers, statuses)
}

function fieldOf(headers: HeaderFields, name: string): string | null {
  const { get } = headers as { readonly get?: unknown }
  const value: unknown = typeof get === 'function' ? get.call(headers, name) : Reflect.get(headers, name)
  return typeof value === 'string' ? value : null
}
