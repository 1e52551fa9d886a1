import { Standing } from '../decision.js'
import type { RateText } from '../parse.js'
import { checkWhole, makePolicy, type Policy, type PolicyOptions } from '../policy.js'
import type { Algorithm, Cells } from './algorithm.js'
import { subWindowCounters } from './sub-windows.js'

export interface SlidingWindowOptions extends PolicyOptions {
  /**
   * Counts the window in so many parts, 1 to 100, the oldest always in full: then no interval of one window's length
   * ever sees more than the quota. More parts deny less than they need to, at 8 bytes a part.
   */
  readonly subWindows?: number
}

/**
 * What a plain string means. The count of this window plus the share of the previous one that still overlaps:
 * smooth, three numbers a bucket; in the worst case 2 × quota in an interval of one window's length,
 * of which the second is spread over the window. With `subWindows` never more than the quota.
 * @example slidingWindow('100/min', { subWindows: 10 })
 * @throws {ConfigError} on a malformed text or a `subWindows` outside 1 to 100.
 */
export function slidingWindow<const T extends string>(text: RateText<T>, options: SlidingWindowOptions = {}): Policy {
  const { subWindows } = options
  if (subWindows === undefined) return makePolicy(twoCounters, 'slidingWindow', text, options, ['subWindows'])
  return makePolicy(subWindowCounters, 'slidingWindow', text, options, ['subWindows'], () => ({
    subWindows: checkWhole('subWindows', subWindows, 1, 100),
  }))
}

/** A bucket is a window's number, the units of the window before it, and its own. */
const twoCounters: Algorithm = {
  name: 'sliding-window',
  width: () => 3,
  decide,
  refund(cells, at, policy, cost, taken) {
    const age = (cells[at] ?? 0) - Math.floor(taken / policy.windowMs)
    if (age !== 0 && age !== 1) return
    const cell = at + (age === 0 ? 2 : 1)
    cells[cell] = Math.max(0, (cells[cell] ?? 0) - cost)
  },
  used(cells, at, policy, now) {
    const { windowMs } = policy
    const age = Math.floor(now / windowMs) - (cells[at] ?? 0)
    const current = cells[at + 2] ?? 0
    if (age <= 0) return current + (cells[at + 1] ?? 0)
    return age === 1 ? current * (1 - (now % windowMs) / windowMs) : 0
  },
}

function decide(cells: Cells, at: number, policy: Policy, cost: number, now: number, commit: boolean): Standing {
  const { quota, windowMs } = policy
  const window = Math.floor(now / windowMs)
  const elapsed = now - window * windowMs
  let previous = 0
  let current = 0
  const counted = cells[at] ?? 0
  if (counted === window) {
    previous = cells[at + 1] ?? 0
    current = cells[at + 2] ?? 0
  } else if (counted === window - 1) {
    previous = cells[at + 2] ?? 0
  } else if (counted > window) {
    current = Math.min(quota, (cells[at + 1] ?? 0) + (cells[at + 2] ?? 0))
    cells[at] = window
    cells[at + 1] = 0
    cells[at + 2] = current
  }
  // Whole units compare alike with the estimate rounded up and unrounded, so `remaining` decides.
  const room = quota - current - weighted(previous, quota, windowMs, elapsed)
  let remaining = Math.max(0, room)
  const allowed = cost <= remaining
  if (commit && allowed && cost > 0) {
    remaining -= cost
    current += cost
    cells[at] = window
    cells[at + 1] = previous
    cells[at + 2] = current
  }
  const used = current > 0 || previous > 0
  const more = used ? wait(remaining + 1, quota, windowMs, elapsed, previous, current) : 0
  const retry = allowed
    ? 0
    : used && cost === remaining + 1
      ? more
      : wait(cost, quota, windowMs, elapsed, previous, current)
  const reset = used ? (current > 0 ? 2 * windowMs : windowMs) - elapsed : 0
  return new Standing(policy, allowed, remaining, more, retry, reset, 0, now)
}

/** The previous window's units that still count, ⌈previous·(1 − f)⌉. */
function weighted(previous: number, quota: number, windowMs: number, elapsed: number): number {
  if (previous === 0) return 0
  const grain = grainMs(quota, windowMs)
  if (grain === 1) return Math.ceil((previous * (windowMs - elapsed)) / windowMs)
  const grains = Math.ceil(windowMs / grain)
  return Math.ceil((previous * (grains - Math.floor(elapsed / grain))) / grains)
}

/** Milliseconds until `cost` fits (docs/arithmetic.md). */
function wait(
  cost: number,
  quota: number,
  windowMs: number,
  elapsed: number,
  previous: number,
  current: number,
): number {
  if (cost > quota) return Number.POSITIVE_INFINITY
  const room = quota - cost - current
  return room >= 0
    ? Math.max(0, fadedAt(previous, room, quota, windowMs) - elapsed)
    : windowMs - elapsed + fadedAt(current, quota - cost, quota, windowMs)
}

/** How far into a window the units of the one before have faded to `room`. */
function fadedAt(previous: number, room: number, quota: number, windowMs: number): number {
  if (previous <= room) return 0
  const grain = grainMs(quota, windowMs)
  if (grain === 1) return windowMs - Math.floor((room * windowMs) / previous)
  const grains = Math.ceil(windowMs / grain)
  return Math.min(windowMs, (grains - Math.floor((room * grains) / previous)) * grain)
}

/** Where quota × window would leave the whole numbers of a double, time is counted in coarser steps, rounded to the strict side. */
function grainMs(quota: number, windowMs: number): number {
  const product = quota * windowMs
  return product <= 2 ** 52 ? 1 : Math.ceil(product / 2 ** 52)
}
