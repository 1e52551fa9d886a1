import type { RateText } from '../parse.js'
import { checkWhole, makePolicy, type Policy, type PolicyOptions } from '../policy.js'
import { checkMeter, meter } from './meter.js'

export interface TokenBucketOptions extends PolicyOptions {
  /** Units the bucket holds when full, a whole number ≥ 1. The quota unless told. */
  readonly burst?: number
}

/**
 * A bucket that holds `burst` units and refills at quota / window: bursts at once, the rate in the long run.
 * Over any interval τ it lets through at most burst + τ × quota / window units.
 * @example tokenBucket('10/s', { burst: 40 })
 * @throws {ConfigError} on a malformed text, or a burst that is not a whole number ≥ 1.
 */
export function tokenBucket<const T extends string>(text: RateText<T>, options: TokenBucketOptions = {}): Policy {
  return checkMeter(
    makePolicy(algorithm, 'tokenBucket', text, options, ['burst'], (quota) => ({
      burst: checkWhole('burst', options.burst ?? quota, 1, 10 ** 15 - 1),
    })),
  )
}

const algorithm = meter('token-bucket')
