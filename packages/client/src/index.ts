/**
 * A fetch that copes with rate limits.
 * @module @sluice/client
 */

export { ConfigError, CostError, WaitError } from '@sluice/core'
export type { AttemptContext, ExecuteOptions } from './call/function-work.js'
export { attemptsOf } from './call/work.js'
export { type Client, createClient } from './client.js'
export {
  type Attempt,
  AttemptTimeoutError,
  BreakerOpenError,
  DeadlineError,
  QueueFullError,
  QuotaExceededError,
  RetryAfterError,
  ThrottledError,
} from './errors.js'
export type { ClientEvents, ClientMessage } from './events.js'
export {
  createFetch,
  type FetchInit,
  type FetchInput,
  type FetchOptions,
  type RequestView,
  type SluiceFetch,
} from './fetch/create-fetch.js'
export type { Jitter } from './layers/backoff.js'
export type { BudgetTerms } from './layers/retry-budget.js'
export type { ThrottleTerms } from './layers/throttle.js'
export type { BreakerOptions, ClientOptions, ConcurrencyLimit, RetryOptions } from './options.js'
export { type HeaderFields, type ParseOptions, parseRateLimit } from './parse/parse-rate-limit.js'
export type { RateLimitReport, RemoteLimit } from './parse/remote-limit.js'
export type { TargetState } from './target.js'
export {
  type DispatchedRequest,
  type DispatcherInterceptor,
  type DispatcherOptions,
  dispatcher,
} from './undici/dispatcher.js'
export { type OutboundReport, watchOutbound } from './undici/watch-outbound.js'
