import type { RateText } from '../parse.js'
import { checkWhole, makePolicy, type Policy, type PolicyOptions } from '../policy.js'
import { checkMeter, meter } from './meter.js'

export interface LeakyBucketOptions extends PolicyOptions {
  /** Places for requests that wait for their turn, a whole number ≥ 0. The quota unless told: nobody waits longer than a window. */
  readonly queue?: number
  /** Units that may pass unspaced after a pause, a whole number ≥ 1. 1 unless told. */
  readonly burst?: number
}

/**
 * Shapes instead of denying: requests go on one by one, window / quota apart, and wait for their turn in a queue.
 * Only when the queue is full is a request denied. A decision's `delayMs` says how long to hold it.
 * @example leakyBucket('10/s', { queue: 20 })
 * @throws {ConfigError} on a malformed text, or a queue or burst out of range.
 */
export function leakyBucket<const T extends string>(text: RateText<T>, options: LeakyBucketOptions = {}): Policy {
  return checkMeter(
    makePolicy(algorithm, 'leakyBucket', text, options, ['queue', 'burst'], (quota) => ({
      queue: checkWhole('queue', options.queue ?? quota, 0, 10 ** 15 - 1),
      burst: checkWhole('burst', options.burst ?? 1, 1, 10 ** 15 - 1),
    })),
  )
}

const algorithm = meter('leaky-bucket')
