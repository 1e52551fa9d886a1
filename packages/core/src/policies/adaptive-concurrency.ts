import { AdaptiveLimit, type AdaptiveTerms } from '../adaptive/adaptive-limit.js'
import { ConfigError, shown } from '../errors.js'
import { checkOptions, checkWhole } from '../options.js'
import { slotPolicy } from './concurrency.js'
import type { PolicyOptions } from './constructors.js'
import type { Policy } from './policy.js'

export interface AdaptiveConcurrencyOptions extends PolicyOptions {
  /** The limit never falls below, 1 to `max`; defaults to 1. */
  readonly min?: number | undefined
  /** The limit never rises above, 1 to 10,000. */
  readonly max: number
  /**
   * How the limit follows latency. `'gradient'`, the default, by its ratio to the latency without load; `'aimd'` grows step by
   * step, and falls by a tenth where requests take longer than `toleranceMs`.
   */
  readonly algorithm?: 'gradient' | 'aimd' | undefined
  /** Milliseconds, 1 to 600,000; of `'aimd'`, which needs them. */
  readonly toleranceMs?: number | undefined
}

const LARGEST = 10_000

/**
 * As many requests in progress as this process copes with: the limit is derived from measured latency, in each process for
 * itself and for all keys together. What exceeds it is denied with 503, and asks no store.
 * @example app.use(limit(adaptiveConcurrency({ min: 4, max: 500 })))
 * @throws {ConfigError} on options that cannot be right.
 */
export function adaptiveConcurrency(options: AdaptiveConcurrencyOptions): Policy {
  checkOptions('adaptiveConcurrency()', options, ['name', 'min', 'max', 'algorithm', 'toleranceMs'])
  const { name, max, min = 1, algorithm = 'gradient', toleranceMs } = options
  const quota = checkWhole('max', max, 1, LARGEST)
  const bounds = { min: checkWhole('min', min, 1, quota), max: quota }
  const adaptive = checkTerms(bounds, algorithm, toleranceMs)
  return slotPolicy(quota, name, { ms: 0, shared: true, queue: undefined, adaptive })
}

function checkTerms(
  bounds: { readonly min: number; readonly max: number },
  algorithm: unknown,
  toleranceMs: number | undefined,
): AdaptiveTerms {
  if (algorithm === 'gradient') {
    if (toleranceMs === undefined) return { ...bounds, algorithm }
    throw new ConfigError("toleranceMs: only algorithm 'aimd' has one; 'gradient' learns what is slow.")
  }
  if (algorithm === 'aimd') {
    return { ...bounds, algorithm, toleranceMs: checkWhole('toleranceMs', toleranceMs, 1, 600_000) }
  }
  throw new ConfigError(`algorithm: expected 'gradient' or 'aimd', got ${shown(algorithm)}.`)
}

const limits = new WeakMap<Policy, AdaptiveLimit>()

/** The limit of this process that belongs to a policy, as a limit has bound it. */
export function adaptiveLimitOf(policy: Policy): AdaptiveLimit {
  let limit = limits.get(policy)
  if (limit === undefined) {
    const terms = policy.lease?.adaptive
    limit = new AdaptiveLimit(terms ?? { min: policy.quota, max: policy.quota, algorithm: 'gradient' })
    limits.set(policy, limit)
  }
  return limit
}
