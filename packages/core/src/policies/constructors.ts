import { ConfigError, shown } from '../errors.js'
import { checkName, checkOptions, checkWhole } from '../options.js'
import { type AlgorithmName, NO_PERIODS, newPolicy, type Policy } from './policy.js'
import { checkRate, parseRate, type RateNumbers } from './rate.js'
import type { RateText } from './rate-text.js'

/** Options that every constructor takes beside its text. */
export interface PolicyOptions {
  /** Printable ASCII, 1 to 128 characters. Limits that contain a policy of the same name and window share its buckets. */
  readonly name?: string | undefined
}

export interface SlidingWindowOptions extends PolicyOptions {
  /**
   * Counts the window in this many parts, 1 to 100, the oldest always in full: then no interval of one window's length
   * ever sees more than the quota. More parts deny less than they need to, at 8 bytes a part.
   */
  readonly subWindows?: number | undefined
}

export interface TokenBucketOptions extends PolicyOptions {
  /** Units the bucket holds when full, a whole number ≥ 1. Defaults to the quota. */
  readonly burst?: number | undefined
}

export interface LeakyBucketOptions extends PolicyOptions {
  /** Places for requests that wait for their turn, a whole number ≥ 0. Defaults to the quota, so that no request waits longer than a window. */
  readonly queue?: number | undefined
  /** Units that may pass unspaced after a pause, a whole number ≥ 1. Defaults to 1. */
  readonly burst?: number | undefined
}

/** Quotas up to this are counted exactly: two counters cannot represent so few units. */
const LARGEST_EXACT = 10

/** A log keeps an entry for each moment of taking: above this, counting in `subWindows` is the better tool. */
const LARGEST_LOG = 10_000

const LARGEST_BUCKET = 10 ** 15 - 1

/**
 * At most the quota in a window that opens with the first take and then stands still.
 * Simple to explain; two windows may meet, so an interval of one window's length can see up to 2 × quota − 1 units.
 * @example fixedWindow('1000/day')
 * @throws {ConfigError} on a malformed text or numbers out of range.
 */
export function fixedWindow<const T extends string>(
  rate: RateText<T> | RateNumbers,
  options: PolicyOptions = {},
): Policy {
  return construct('fixedWindow', rate, options, [], () => ({ algorithm: 'fixed-window' }))
}

/**
 * What a plain string means.
 *
 * A quota of up to 10 is exact: never more than the quota in any interval of one window's length, and each unit returns
 * one window after it was taken.
 *
 * Above 10, the units of this window plus the share of the previous one that still overlaps it, rounded to the nearest
 * unit: smooth, three numbers per bucket; in the worst case 2 × quota in an interval of one window's length, of which
 * the second is spread over the window. With `subWindows`, never more than the quota.
 * @example slidingWindow('100/min', { subWindows: 10 })
 * @throws {ConfigError} on a malformed text or numbers out of range or a `subWindows` outside 1 to 100.
 */
export function slidingWindow<const T extends string>(
  rate: RateText<T> | RateNumbers,
  options: SlidingWindowOptions = {},
): Policy {
  const { subWindows } = options
  return construct('slidingWindow', rate, options, ['subWindows'], ({ quota }) => {
    if (subWindows !== undefined) {
      return { algorithm: 'sub-windows', subWindows: checkWhole('subWindows', subWindows, 1, 100) }
    }
    return { algorithm: quota <= LARGEST_EXACT ? 'exact-window' : 'sliding-window' }
  })
}

/**
 * Exact: never more than the quota in any interval of one window's length, and never less than that promises.
 * It remembers every moment at which something was taken, 16 bytes each, so the quota is at most 10,000.
 * @example slidingLog('20/min')
 * @throws {ConfigError} on a malformed text or numbers out of range or a quota above 10,000.
 */
export function slidingLog<const T extends string>(
  rate: RateText<T> | RateNumbers,
  options: PolicyOptions = {},
): Policy {
  return construct('slidingLog', rate, options, [], ({ quota }) => {
    if (quota <= LARGEST_LOG) return { algorithm: 'sliding-log' }
    throw new ConfigError(
      `slidingLog(): a log remembers each take, so its quota is at most ${LARGEST_LOG}, got ${quota}. ` +
        'For more, slidingWindow(…, { subWindows: 10 }) never passes the quota either.',
    )
  })
}

/**
 * A bucket that holds `burst` units and refills at quota / window: bursts at once, the rate in the long run.
 * Over any interval τ it lets through at most burst + τ × quota / window units.
 * @example tokenBucket('10/s', { burst: 40 })
 * @throws {ConfigError} on a malformed text or numbers out of range, or a burst that is not a whole number ≥ 1.
 */
export function tokenBucket<const T extends string>(
  rate: RateText<T> | RateNumbers,
  options: TokenBucketOptions = {},
): Policy {
  return construct('tokenBucket', rate, options, ['burst'], ({ quota, windowMs }) => {
    const burst = checkWhole('burst', options.burst ?? quota, 1, LARGEST_BUCKET)
    checkCountable(burst, windowMs)
    return { algorithm: 'token-bucket', burst }
  })
}

/**
 * Shapes instead of denying: requests go on one by one, window / quota apart, and wait for their turn in a queue.
 * Only when the queue is full is a request denied. A decision's `delayMs` says how long to hold it.
 * @example leakyBucket('10/s', { queue: 20 })
 * @throws {ConfigError} on a malformed text or numbers out of range, or a queue or burst out of range.
 */
export function leakyBucket<const T extends string>(
  rate: RateText<T> | RateNumbers,
  options: LeakyBucketOptions = {},
): Policy {
  return construct('leakyBucket', rate, options, ['queue', 'burst'], ({ quota, windowMs }) => {
    const queue = checkWhole('queue', options.queue ?? quota, 0, LARGEST_BUCKET)
    const burst = checkWhole('burst', options.burst ?? 1, 1, LARGEST_BUCKET)
    checkCountable(burst + queue, windowMs)
    return { algorithm: 'leaky-bucket', burst, queue }
  })
}

/** The parts in which one algorithm's policies differ from another's. */
interface Shape {
  readonly algorithm: AlgorithmName
  readonly burst?: number
  readonly queue?: number
  readonly subWindows?: number
}

function construct(
  place: string,
  given: string | RateNumbers,
  options: PolicyOptions,
  known: readonly string[],
  shape: (rate: { readonly quota: number; readonly windowMs: number }) => Shape,
): Policy {
  if (typeof given !== 'string' && (typeof given !== 'object' || given === null)) {
    throw new ConfigError(
      `${place}() takes a limit such as '100/min' or { quota: 100, windowMs: 60_000 }, got ${shown(given)}.`,
    )
  }
  const rate = typeof given === 'string' ? parseRate(given) : checkRate(place, given)
  checkOptions(`${place}(${typeof given === 'string' ? `'${given}'` : '…'})`, options, ['name', ...known])
  const { algorithm, burst = rate.quota, queue = 0, subWindows = 0 } = shape(rate)
  const name = options.name === undefined ? '' : checkName(options.name)
  const capacity = burst + queue
  return newPolicy({ ...rate, ...NO_PERIODS, name, algorithm, capacity, burst, subWindows, lease: undefined })
}

/**
 * The level of a bucket must stay a whole number that a double can hold.
 * @throws {ConfigError} where capacity × window is above 2^53 − 1.
 */
function checkCountable(capacity: number, windowMs: number): void {
  if (capacity * windowMs <= Number.MAX_SAFE_INTEGER) return
  const most = Math.floor(Number.MAX_SAFE_INTEGER / windowMs)
  throw new ConfigError(
    `A bucket of ${capacity} units over ${windowMs} ms cannot be counted exactly: with that window it holds at most ` +
      `${most}. Write the same rate over a shorter window and give the bucket's size as burst.`,
  )
}
