import { delayOf, httpDate, instantOf } from './instant.js'
import { OlderFields } from './older-fields.js'
import type { RateLimitReport } from './remote-limit.js'
import { structuredLimits } from './structured-fields.js'

/** A response's header fields: `Headers`, an object such as Node's and axios's, or pairs; or the response itself. */
export type HeaderFields =
  | HeadersLike
  | Readonly<Record<string, unknown>>
  | Iterable<readonly [string, string]>
  | { readonly headers: HeadersLike }

interface HeadersLike {
  forEach(callback: (value: string, name: string) => void): void
}

export interface ParseOptions {
  /** When the response arrived, in Unix milliseconds. Defaults to now. */
  readonly now?: number | undefined
}

/** `Date` has whole seconds, and the response has travelled: what differs by less is the same clock. */
const SAME_CLOCK_MS = 2_000

/**
 * What a response says about limits: `RateLimit` of the newest draft and of drafts 7, 6 and 3, `X-RateLimit-*` and its variants
 * (GitHub, GitLab, X, Reddit, Discord, Okta, Shopify, Kong, OpenAI, Azure OpenAI, Anthropic), `Retry-After` and `retry-after-ms`.
 * Instants are corrected by the server's `Date`, so that a clock that is wrong does no harm. Malformed fields are ignored. Never
 * throws.
 * @example
 * const { limits, retryAt } = parseRateLimit(response.headers)
 * if (limits.some(({ remaining }) => remaining === 0)) …
 */
export function parseRateLimit(headers: HeaderFields, options?: ParseOptions): RateLimitReport {
  const now = typeof options?.now === 'number' ? options.now : Date.now()
  const fields = new ReadFields()
  try {
    forEachField(headers, (name, value) => fields.note(name, value))
  } catch {
    // What was read until then holds.
  }
  return fields.report(now)
}

const NOTHING: RateLimitReport = { limits: [], retryAt: null }

/** `Retry-After`, `retry-after-ms` (OpenAI, Anthropic), `x-ms-retry-after-ms` (Azure), `X-RateLimit-Retry-After`. */
const RETRY_AFTER = /^(?:x-(?:ms-|rate-?limit-)?)?retry-after(-ms)?$/

/** Longer values are malformed, and would take long to read. */
const LONGEST_VALUE = 2_048

/** Several fields of a name arrive as one, joined by commas; a date has a comma of its own. */
const JOINED = /(?:mon|tue|wed|thu|fri|sat|sun)[a-z]{0,6}, [^,]+|[^,]+/gi

class ReadFields {
  #rateLimit: string | undefined
  #policy: string | undefined
  #older: OlderFields | undefined
  #retryAfter: string | undefined
  #retryAfterMs: string | undefined
  #date: string | undefined
  #age: string | undefined

  note(name: string, value: string): void {
    if (value.length > LONGEST_VALUE) return
    if (name === 'date') this.#date = value
    else if (name === 'age') this.#age = value
    else if (name === 'ratelimit') this.#rateLimit = value
    else if (name === 'ratelimit-policy') this.#policy = value
    else if (name.includes('retry-after')) this.#noteRetryAfter(name, value)
    else if (name.includes('limit')) {
      this.#older ??= new OlderFields()
      this.#older.note(name, value)
    }
  }

  report(now: number): RateLimitReport {
    const retryAt = this.#retryAt(now)
    const limits = structuredLimits(this.#rateLimit, this.#policy, now)
    if (this.#older === undefined) {
      return limits.length === 0 && retryAt === null ? NOTHING : { limits, retryAt }
    }
    const isSaid = limits.some(({ remaining }) => remaining !== null)
    return { limits: [...limits, ...this.#older.limits(isSaid, this.#policy, now, this.#skewAt(now))], retryAt }
  }

  #noteRetryAfter(name: string, value: string): void {
    const match = RETRY_AFTER.exec(name)
    if (match === null) return
    if (match[1] !== undefined) this.#retryAfterMs ??= value
    else this.#retryAfter = this.#retryAfter === undefined ? value : `${this.#retryAfter}, ${value}`
  }

  /** Milliseconds are the more exact; of several times that are announced, the latest keeps to all. */
  #retryAt(now: number): number | null {
    const exact = this.#retryAfterMs === undefined ? null : delayOf(this.#retryAfterMs, 1, now)
    if (exact !== null || this.#retryAfter === undefined) return exact
    let latest: number | null = null
    for (const [text] of this.#retryAfter.matchAll(JOINED)) {
      const at = instantOf(text, now, this.#skewAt(now))
      if (at !== null && (latest === null || at > latest)) latest = at
    }
    return latest
  }

  /** How much this process's clock is ahead of the server's. What a cache has kept is older by its `Age`. */
  #skewAt(now: number): number {
    const date = this.#date === undefined ? null : httpDate(this.#date.trim())
    if (date === null) return 0
    const age = /^\s*(\d{1,9})\s*$/.exec(this.#age ?? '')?.[1] ?? 0
    const aheadMs = now - (date + Number(age) * 1_000)
    return aheadMs >= 0 && aheadMs < SAME_CLOCK_MS ? 0 : aheadMs
  }
}

function forEachField(headers: HeaderFields, callback: (name: string, value: string) => void): void {
  if (typeof headers !== 'object' || headers === null) return
  if ('headers' in headers && isHeaders(headers.headers as HeaderFields)) {
    forEachField(headers.headers as HeadersLike, callback)
  } else if (isHeaders(headers)) {
    headers.forEach((value, name) => {
      callback(name.toLowerCase(), String(value))
    })
  } else if (Symbol.iterator in headers)
    for (const [name, value] of headers) callback(name.toLowerCase(), String(value))
  else for (const [name, value] of Object.entries(headers)) noteAll(name.toLowerCase(), value, callback)
}

/** Not an array, which has a `forEach` too. */
function isHeaders(headers: HeaderFields): headers is HeadersLike {
  if (typeof headers !== 'object' || headers === null) return false
  return !Array.isArray(headers) && 'forEach' in headers && typeof headers.forEach === 'function'
}

/** Node gives a field that came several times as an array. */
function noteAll(name: string, value: unknown, callback: (name: string, value: string) => void): void {
  if (Array.isArray(value)) callback(name, value.join(', '))
  else if (value !== undefined && value !== null) callback(name, String(value))
}
