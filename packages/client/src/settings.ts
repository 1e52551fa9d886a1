import { ConfigError, createLimiter, type Limiter, type PolicyLike, type PolicyList, type Store } from '@sluice/core'
import { checkFlag, checkOptions, checkWhole, LONGEST_TIMER_MS, shown } from '@sluice/core/runtime'
import type { Jitter } from './layers/backoff.js'
import type { BreakerTerms } from './layers/breaker.js'
import type { BulkheadTerms } from './layers/bulkhead.js'
import type { BudgetTerms } from './layers/retry-budget.js'
import type { ThrottleTerms } from './layers/throttle.js'
import type { BreakerOptions, ClientOptions, ConcurrencyLimit, RetryOptions } from './options.js'

export interface RetryTerms {
  readonly attempts: number
  readonly baseMs: number
  readonly maxMs: number
  readonly jitter: Jitter
  readonly methods: ReadonlySet<string>
  readonly budget: BudgetTerms | undefined
}

/** The options, complete and checked; `undefined` for a layer that is not there. */
export interface Settings {
  readonly deadlineMs: number | undefined
  readonly maxWaitMs: number
  readonly giveUp: 'throw' | 'return'
  readonly hedgeAfterMs: number | undefined
  readonly retry: RetryTerms | undefined
  readonly statuses: ReadonlySet<number>
  readonly breaker: BreakerTerms | undefined
  readonly throttle: ThrottleTerms | undefined
  readonly gate: boolean
  readonly pacing: boolean
  readonly concurrency: BulkheadTerms | undefined
  readonly limiter: Limiter<Store> | undefined
  readonly attemptTimeoutMs: number | undefined
}

const STATUSES = [408, 425, 429, 500, 502, 503, 504]
const METHODS = ['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'TRACE', 'QUERY']
const JITTERS: readonly unknown[] = ['full', 'equal', 'decorrelated', 'none']

/** @throws {ConfigError} on an option that cannot be right. */
export function toSettings(options: ClientOptions): Settings {
  const { deadlineMs, attemptTimeoutMs, maxWaitMs = 60_000, giveUp = 'throw' } = options
  if (giveUp !== 'throw' && giveUp !== 'return') {
    throw new ConfigError(`giveUp: expected 'throw' or 'return', got ${shown(giveUp)}.`)
  }
  const { retry, statuses } = retryTerms(options.retry)
  return {
    deadlineMs: optionalMs('deadlineMs', deadlineMs),
    maxWaitMs: checkWhole('maxWaitMs', maxWaitMs, 0, LONGEST_TIMER_MS),
    giveUp,
    hedgeAfterMs: optionalMs('hedgeAfterMs', options.hedgeAfterMs),
    retry,
    statuses: new Set(statuses),
    breaker: breakerTerms(options.breaker),
    throttle: throttleTerms(options.throttle),
    gate: flagOr('gate', options.gate, true),
    pacing: flagOr('pacing', options.pacing, true),
    concurrency: bulkheadTerms(options.concurrency),
    limiter: limiterOf(options),
    attemptTimeoutMs: optionalMs('attemptTimeoutMs', attemptTimeoutMs),
  }
}

function flagOr(option: string, value: boolean | undefined, fallback: boolean): boolean {
  return value === undefined ? fallback : checkFlag(option, value)
}

function optionalMs(option: string, ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : checkWhole(option, ms, 1, LONGEST_TIMER_MS)
}

function retryTerms(options: RetryOptions | false = {}): {
  readonly retry: RetryTerms | undefined
  readonly statuses: readonly number[]
} {
  if (options === false) return { retry: undefined, statuses: STATUSES }
  checkObject('retry', options, 'false or options, such as { attempts: 3 }')
  checkOptions('retry', options, ['attempts', 'baseMs', 'maxMs', 'jitter', 'statuses', 'methods', 'budget'])
  const {
    attempts = 3,
    baseMs = 500,
    maxMs = 20_000,
    jitter = 'full',
    statuses = STATUSES,
    methods = METHODS,
  } = options
  if (typeof jitter !== 'function' && !JITTERS.includes(jitter)) {
    throw new ConfigError(
      `retry.jitter: expected 'full', 'equal', 'decorrelated', 'none' or a function, got ${shown(jitter)}.`,
    )
  }
  if (!Array.isArray(statuses)) throw new ConfigError(`retry.statuses: expected an array, got ${shown(statuses)}.`)
  for (const status of statuses) checkWhole('retry.statuses', status, 400, 599)
  if (!Array.isArray(methods) || methods.some((method) => typeof method !== 'string')) {
    throw new ConfigError(
      `retry.methods: expected an array of methods, such as ['GET', 'POST'], got ${shown(methods)}.`,
    )
  }
  const retry = {
    attempts: checkWhole('retry.attempts', attempts, 1, 100),
    baseMs: checkWhole('retry.baseMs', baseMs, 0, LONGEST_TIMER_MS),
    maxMs: checkWhole('retry.maxMs', maxMs, 0, LONGEST_TIMER_MS),
    jitter,
    methods: new Set(methods.map((method) => method.toUpperCase())),
    budget: budgetTerms(options.budget),
  }
  return { retry, statuses }
}

function budgetTerms(options: Partial<BudgetTerms> | false = {}): BudgetTerms | undefined {
  if (options === false) return undefined
  checkOptions('retry.budget', options, ['share', 'perSecond'])
  const { share = 0.2, perSecond = 1 } = options
  return {
    share: checkNumber('retry.budget.share', share, 0, 10),
    perSecond: checkNumber('retry.budget.perSecond', perSecond, 0, 1_000_000),
  }
}

function breakerTerms(given: BreakerOptions | boolean = true): BreakerTerms | undefined {
  if (given === false) return undefined
  const options = given === true ? {} : checkObject('breaker', given, 'true, false or options, such as { share: 0.5 }')
  checkOptions('breaker', options, ['share', 'calls', 'leastCalls', 'openMs'])
  const { share = 0.5, calls = 20, openMs = 10_000 } = options
  checkNumber('breaker.share', share, 0, 1)
  if (share === 0 || share === 1) {
    throw new ConfigError(`breaker.share: expected a share above 0 and below 1, such as 0.5, got ${share}.`)
  }
  checkWhole('breaker.calls', calls, 1, 100_000)
  return {
    share,
    calls,
    leastCalls: checkWhole('breaker.leastCalls', options.leastCalls ?? Math.min(10, calls), 1, calls),
    openMs: checkWhole('breaker.openMs', openMs, 1, LONGEST_TIMER_MS),
  }
}

function throttleTerms(options: boolean | Partial<ThrottleTerms> = false): ThrottleTerms | undefined {
  if (options === false) return undefined
  const given = options === true ? {} : checkObject('throttle', options, 'true, false or { multiplier }')
  checkOptions('throttle', given, ['multiplier'])
  return { multiplier: checkNumber('throttle.multiplier', given.multiplier ?? 2, 1, 1_000) }
}

function bulkheadTerms(options: number | ConcurrencyLimit | undefined): BulkheadTerms | undefined {
  if (options === undefined) return undefined
  const isNumber = typeof options === 'number'
  if (!isNumber) {
    checkObject('concurrency', options, 'a number of calls or { max, queue }')
    checkOptions('concurrency', options, ['max', 'queue'])
  }
  const { max, queue = 1_000 } = isNumber ? { max: options } : options
  return {
    max: checkWhole('concurrency', max, 1, 1_000_000),
    queue: checkWhole('concurrency.queue', queue, 0, 1_000_000),
  }
}

function limiterOf({ limits, store, name }: ClientOptions): Limiter<Store> | undefined {
  if (limits !== undefined) {
    const policies = limits as PolicyList<readonly PolicyLike[]>
    try {
      return createLimiter({ policies, store, name: name ?? 'client' }) as Limiter<Store>
    } catch (error) {
      // There they are called policies.
      if (error instanceof ConfigError) throw new ConfigError(error.message.replace(/^policies:/, 'limits:'))
      throw error
    }
  }
  for (const [option, value] of Object.entries({ store, name })) {
    if (value !== undefined) throw new ConfigError(`${option}: is for \`limits\`, which are not given.`)
  }
  return undefined
}

function checkObject<T>(option: string, value: T, expected: string): T {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value
  throw new ConfigError(`${option}: expected ${expected}, got ${shown(value)}.`)
}

/** What other clients call these, or what is looked for first. */
const OTHER_NAMES: ReadonlyMap<string, string> = new Map([
  ['retries', '"retry: { attempts }"'],
  ['maxRetries', '"retry: { attempts }"'],
  ['attempts', '"retry: { attempts }"'],
  ['timeout', '"deadlineMs", or "attemptTimeoutMs" for each attempt'],
  ['timeoutMs', '"deadlineMs", or "attemptTimeoutMs" for each attempt'],
  ['limit', '"limits"'],
])

/** @throws {ConfigError} on an option that there is none of, naming the one that was meant. */
export function checkClientOptions(place: string, options: object, known: readonly string[]): void {
  for (const name of typeof options === 'object' && options !== null ? Object.keys(options) : []) {
    const other = known.includes(name) ? undefined : OTHER_NAMES.get(name)
    if (other !== undefined) throw new ConfigError(`${place} has no option "${name}". Did you mean ${other}?`)
  }
  checkOptions(place, options, known)
}

/** @throws {ConfigError} unless what is given is a function. */
export function checkFunctions(functions: Readonly<Record<string, unknown>>): void {
  for (const [name, fn] of Object.entries(functions)) {
    if (fn !== undefined && typeof fn !== 'function') {
      throw new ConfigError(`${name}: expected a function, got ${shown(fn)}.`)
    }
  }
}

function checkNumber(option: string, value: unknown, least: number, most: number): number {
  if (typeof value === 'number' && value >= least && value <= most) return value
  throw new ConfigError(`${option}: expected a number from ${least} to ${most}, got ${shown(value)}.`)
}
