import { Standing } from '../decisions/standing.js'
import { grainMs } from '../policies/grain.js'
import type { Policy } from '../policies/policy.js'
import type { Algorithm, Cells } from './algorithm.js'
import { owedOf } from './debt.js'

/** A bucket is a window's number, the units of the window before it, and its own. */
export const slidingWindowAlgorithm: Algorithm = {
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
    current = gathered(quota, cells[at + 1] ?? 0, cells[at + 2] ?? 0)
    cells[at] = window
    cells[at + 1] = 0
    cells[at + 2] = current
  }
  let room = quota - current - weighted(previous, quota, windowMs, elapsed)
  const fits = cost <= Math.max(0, room)
  const allowed = fits || policy.soft
  if (commit && allowed && cost > 0) {
    const units = fits ? cost : owedOf(policy, quota - room, cost)
    room -= units
    current += units
    cells[at] = window
    cells[at + 1] = previous
    cells[at + 2] = current
  }
  const remaining = Math.max(0, room)
  // What is left of the previous window may round to nothing: then the bucket is full, though not yet fresh.
  const more = remaining < quota ? wait(remaining + 1, quota, windowMs, elapsed, previous, current) : 0
  const retry = allowed ? 0 : wait(cost, quota, windowMs, elapsed, previous, current)
  const reset = current > 0 ? 2 * windowMs - elapsed : previous > 0 ? windowMs - elapsed : 0
  return new Standing(policy, allowed, remaining, more, retry, reset, 0, now, undefined, remaining - room)
}

/** The clock went back: both windows are counted as one, up to the quota, or to what the fuller of them owes beyond it. */
function gathered(quota: number, previous: number, current: number): number {
  return Math.min(Math.max(quota, previous, current), previous + current)
}

/** The previous window's units that still count: its share of the window that ends now, rounded to the nearest unit. */
function weighted(previous: number, quota: number, windowMs: number, elapsed: number): number {
  if (previous === 0) return 0
  const grain = grainMs(quota, windowMs)
  const parts = Math.ceil(windowMs / grain)
  return Math.floor((2 * previous * (parts - Math.floor(elapsed / grain)) + parts) / (2 * parts))
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
  const parts = Math.ceil(windowMs / grain)
  return Math.min(windowMs, (parts + 1 - Math.ceil((parts * (2 * room + 1)) / (2 * previous))) * grain)
}
