import { ConfigError, shown } from '../errors.js'
import { checkFlag, checkName, checkOptions, checkWhole } from '../options.js'
import type { PolicyOptions } from './constructors.js'
import { type LeaseTerms, NO_PERIODS, newPolicy, type Policy, type QueueTerms } from './policy.js'

export interface ConcurrencyOptions extends PolicyOptions {
  /**
   * Milliseconds after which the slots of a process that has died are free again, 1,000 to 3,600,000; defaults to 30,000.
   * A process that lives renews its slots every third of that.
   */
  readonly leaseMs?: number | undefined
  /** Where requests wait for a slot, first come, first served for each key; without it, they are denied at once. */
  readonly queue?: QueueOptions | undefined
  /** Says that clients share the slots, as under `key: () => 'all'`: then a denial is a 503, not a 429. Defaults to `false`. */
  readonly shared?: boolean | undefined
}

export interface QueueOptions {
  /** Requests of one key that wait in this process at the most, 1 to 100,000; defaults to 100. */
  readonly size?: number | undefined
  /** Milliseconds after which a request that waits is denied, 1 to 600,000; defaults to 5,000. */
  readonly timeoutMs?: number | undefined
}

/** Each held slot is an entry of its bucket. */
const LARGEST_CONCURRENCY = 10_000

/**
 * At most so many units in progress at a time: a slot is taken with the decision, and returns when its request is over,
 * or when its process is. A request takes as many slots as it costs.
 * @example limit(concurrency(2), { key: (req) => req.user.id })
 * @example limit(['10/s', concurrency(4, { queue: { size: 20, timeoutMs: 1_000 } })])
 * @throws {ConfigError} on numbers out of range.
 */
export function concurrency(slots: number, options: ConcurrencyOptions = {}): Policy {
  if (typeof slots !== 'number') {
    throw new ConfigError(`concurrency() takes the number of slots, as in concurrency(10), got ${shown(slots)}.`)
  }
  const quota = checkWhole('concurrency()', slots, 1, LARGEST_CONCURRENCY)
  checkOptions(`concurrency(${slots})`, options, ['name', 'leaseMs', 'queue', 'shared'])
  const { name, leaseMs = 30_000, queue, shared } = options
  const lease = {
    ms: checkWhole('leaseMs', leaseMs, 1_000, 3_600_000),
    shared: checkFlag('shared', shared),
    queue: checkQueue(queue),
  }
  return slotPolicy(quota, name, lease)
}

/** A policy whose units are slots. */
export function slotPolicy(quota: number, name: string | undefined, lease: LeaseTerms): Policy {
  return newPolicy({
    ...NO_PERIODS,
    name: name === undefined ? '' : checkName(name),
    algorithm: 'concurrency',
    unit: 'concurrent-requests',
    quota,
    windowMs: Number.POSITIVE_INFINITY,
    capacity: quota,
    burst: quota,
    subWindows: 0,
    lease,
  })
}

function checkQueue(queue: QueueOptions | undefined): QueueTerms | undefined {
  if (queue === undefined) return undefined
  checkOptions('queue', queue, ['size', 'timeoutMs'])
  const { size = 100, timeoutMs = 5_000 } = queue
  return {
    size: checkWhole('queue.size', size, 1, 100_000),
    timeoutMs: checkWhole('queue.timeoutMs', timeoutMs, 1, 600_000),
  }
}
