import type { Policy, PolicyLike, PolicyList, RateText, Store } from '@sluice/core'
import type { Jitter } from './layers/backoff.js'
import type { BudgetTerms } from './layers/retry-budget.js'
import type { ThrottleTerms } from './layers/throttle.js'

/** When and how often an attempt that failed is made again. */
export interface RetryOptions {
  /** Attempts in all, the first one included. Defaults to 3. */
  readonly attempts?: number | undefined
  /** Milliseconds that the first computed wait is at most; each further one is twice as long. Defaults to 500. */
  readonly baseMs?: number | undefined
  /** Milliseconds that a computed wait is at most. Defaults to 20,000. */
  readonly maxMs?: number | undefined
  /** How computed waits are spread. Defaults to `'full'`: anything up to the computed wait. */
  readonly jitter?: Jitter | undefined
  /** Statuses that are retried. Defaults to 408, 425, 429, 500, 502, 503 and 504. */
  readonly statuses?: readonly number[] | undefined
  /** Methods that may be sent twice. Defaults to GET, HEAD, OPTIONS, PUT, DELETE, TRACE and QUERY. */
  readonly methods?: readonly string[] | undefined
  /** What retries may add to the load; `false` removes it. Defaults to `{ share: 0.2, perSecond: 1 }`, over ten seconds. */
  readonly budget?: Partial<BudgetTerms> | false | undefined
}

/** When calls to a key that fails are kept back. */
export interface BreakerOptions {
  /** The share of the last calls that has to fail, above 0 and below 1. Defaults to 0.5. */
  readonly share?: number | undefined
  /** How many of the last calls are looked at. Defaults to 20. */
  readonly calls?: number | undefined
  /** The fewest calls that open it. Defaults to 10. */
  readonly leastCalls?: number | undefined
  /** Milliseconds that it stays open, where a 503 does not say how long. Defaults to 10,000. */
  readonly openMs?: number | undefined
}

/** How many calls to a key are made at once. */
export interface ConcurrencyLimit {
  readonly max: number
  /** Calls that may wait. Defaults to 1,000. */
  readonly queue?: number | undefined
}

/** The layers around a call, outermost first. */
export interface ClientOptions<T extends string = string, L extends readonly PolicyLike[] = readonly PolicyLike[]> {
  /** Milliseconds that a call may take until it is answered, all waits and attempts included. Without a default. */
  readonly deadlineMs?: number | undefined
  /** Milliseconds of the longest wait that a server may ask for: a longer one fails at once with a `RetryAfterError`. Defaults to 60,000. */
  readonly maxWaitMs?: number | undefined
  /**
   * What becomes of a failure of `fetch`: an error, or a response, with `x-should-retry: false`, as SDKs understand it. Where there is none,
   * one is made: 429 for a wait that is too long, 503 for what was not sent, 504 and 502 for what was not answered. Defaults to `'throw'`.
   */
  readonly giveUp?: 'throw' | 'return' | undefined
  /**
   * Sends a call a second time if it has not been answered after so many milliseconds, and takes the first answer: only what may be
   * sent twice, and within the budget for retries. Off by default.
   */
  readonly hedgeAfterMs?: number | undefined
  /** Attempts and the waits between them; `false` makes one attempt. Defaults to 3 attempts. */
  readonly retry?: RetryOptions | false | undefined
  /** Keeps calls from a key that fails; `false` removes it. On by default. */
  readonly breaker?: BreakerOptions | boolean | undefined
  /** Adaptive throttling: keeps calls back, with a probability, from a server that rejects many. Defaults to `false`. */
  readonly throttle?: boolean | Partial<ThrottleTerms> | undefined
  /** Holds all calls to a key for which a response said when to come back. Defaults to `true`. */
  readonly gate?: boolean | undefined
  /** Sends no more calls than the limits that responses report let through. Defaults to `true`. */
  readonly pacing?: boolean | undefined
  /** Calls to a key at once, until their responses have been read; by default as many as there are. */
  readonly concurrency?: number | ConcurrencyLimit | undefined
  /** What may be sent to each key, over all processes that share the store. */
  readonly limits?: RateText<T> | Policy | PolicyList<L> | undefined
  /** Where `limits` are counted: a Store, or the URL of one. Defaults to memory. */
  readonly store?: Store | string | undefined
  /** Names the buckets of `limits` in a shared store. Defaults to `'client'`. */
  readonly name?: string | undefined
  /** Milliseconds that one attempt may take until it is answered. Without a default. */
  readonly attemptTimeoutMs?: number | undefined
}

export const CLIENT_OPTIONS = [
  'deadlineMs',
  'maxWaitMs',
  'giveUp',
  'hedgeAfterMs',
  'retry',
  'breaker',
  'throttle',
  'gate',
  'pacing',
  'concurrency',
  'limits',
  'store',
  'name',
  'attemptTimeoutMs',
] as const
