import { Standing } from '../decisions/standing.js'
import type { Policy } from '../policies/policy.js'
import type { Algorithm, Cells } from './algorithm.js'

/** Units in a bucket: the largest quota that is counted so, whatever the policy's own, so that plans can change. */
const UNITS = 10

/**
 * What a text with a quota of up to ten is: a log of its takes, one cell per unit.
 * A bucket is the instants at which its units return, latest first; 0 where there is none. A unit returns exactly one
 * window after it was taken.
 */
export const exactWindowAlgorithm: Algorithm = {
  name: 'exact-window',
  width: () => UNITS,
  decide,
  refund(cells, at, policy, cost, taken, now) {
    const returnsAt = taken + policy.windowMs
    const live = liveIn(cells, at, now)
    let first = 0
    while (first < live && (cells[at + first] ?? 0) > returnsAt) first++
    let back = 0
    while (back < cost && first + back < live && cells[at + first + back] === returnsAt) back++
    if (back === 0) return
    for (let unit = first; unit < live - back; unit++) cells[at + unit] = cells[at + unit + back] ?? 0
    clearFrom(cells, at, live - back)
  },
  used: (cells, at, _policy, now) => liveIn(cells, at, now),
}

function decide(cells: Cells, at: number, policy: Policy, cost: number, now: number, commit: boolean): Standing {
  const { quota, windowMs } = policy
  let live = liveIn(cells, at, now)
  if ((cells[at] ?? 0) > now + windowMs) pullBack(cells, at, live, now + windowMs)
  let remaining = Math.max(0, quota - live)
  const allowed = cost <= remaining
  if (commit && allowed && cost > 0) {
    for (let unit = live - 1; unit >= 0; unit--) cells[at + unit + cost] = cells[at + unit] ?? 0
    for (let unit = 0; unit < cost; unit++) cells[at + unit] = now + windowMs
    live += cost
    remaining -= cost
    clearFrom(cells, at, live)
  }
  const more = remaining < quota ? wait(cells, at, quota, remaining + 1, now) : 0
  const retry = allowed ? 0 : wait(cells, at, quota, cost, now)
  const reset = live === 0 ? 0 : (cells[at] ?? 0) - now
  return new Standing(policy, allowed, remaining, more, retry, reset, 0, now)
}

/** Milliseconds until at most `quota - cost` units are left in use. */
function wait(cells: Cells, at: number, quota: number, cost: number, now: number): number {
  if (cost > quota) return Number.POSITIVE_INFINITY
  return Math.max(0, (cells[at + quota - cost] ?? 0) - now)
}

function liveIn(cells: Cells, at: number, now: number): number {
  let live = 0
  while (live < UNITS && (cells[at + live] ?? 0) > now) live++
  return live
}

/** The clock went back: what was taken in its future was taken now. */
function pullBack(cells: Cells, at: number, live: number, latest: number): void {
  for (let unit = 0; unit < live; unit++) cells[at + unit] = Math.min(cells[at + unit] ?? 0, latest)
  clearFrom(cells, at, live)
}

/** Forgets the units that have returned: a clock that goes back does not bring them back. */
function clearFrom(cells: Cells, at: number, live: number): void {
  for (let unit = live; unit < UNITS; unit++) cells[at + unit] = 0
}
