import { Standing } from '../decisions/standing.js'
import type { Policy } from '../policies/policy.js'
import type { Algorithm, Cells } from './algorithm.js'
import { owedOf } from './debt.js'

/** Units that have a cell each: the largest quota that is counted so, whatever the policy's own, so that plans can change. */
const UNITS = 10

/** Where a bucket has the number of units in use beyond those, and the instant at which all of them return. */
const REST = UNITS
const REST_RETURNS = UNITS + 1
const WIDTH = UNITS + 2

/**
 * What a text with a quota of up to ten is: a log of its takes, one cell per unit.
 * A bucket is the instants at which its latest ten units return, latest first; 0 where there is none. A unit returns
 * exactly one window after it was taken. Only debt has more than ten: by the time that any cost passes, those have returned.
 */
export const exactWindowAlgorithm: Algorithm = {
  name: 'exact-window',
  width: () => WIDTH,
  decide,
  refund(cells, at, policy, cost, taken, now) {
    const returnsAt = taken + policy.windowMs
    const live = liveIn(cells, at, now)
    let first = 0
    while (first < live && (cells[at + first] ?? 0) > returnsAt) first++
    let back = 0
    while (back < cost && first + back < live && cells[at + first + back] === returnsAt) back++
    const rest = restIn(cells, at, live, now)
    const ofRest = cells[at + REST_RETURNS] === returnsAt ? Math.min(rest, cost - back) : 0
    if (back + ofRest === 0) return
    for (let unit = first; unit < live - back; unit++) cells[at + unit] = cells[at + unit + back] ?? 0
    const moved = Math.min(rest - ofRest, back)
    const kept = live - back + moved
    for (let unit = live - back; unit < kept; unit++) cells[at + unit] = cells[at + REST_RETURNS] ?? 0
    clearFrom(cells, at, kept, rest - ofRest - moved)
  },
  used(cells, at, _policy, now) {
    const live = liveIn(cells, at, now)
    return live + restIn(cells, at, live, now)
  },
}

function decide(cells: Cells, at: number, policy: Policy, cost: number, now: number, commit: boolean): Standing {
  const { quota, windowMs } = policy
  let live = liveIn(cells, at, now)
  let rest = restIn(cells, at, live, now)
  if ((cells[at] ?? 0) > now + windowMs) pullBack(cells, at, live, rest, now + windowMs)
  const fits = cost <= Math.max(0, quota - live)
  const allowed = fits || policy.soft
  if (commit && allowed && cost > 0) {
    if (fits) {
      insert(cells, at, live, cost, now + windowMs)
      live += cost
    } else {
      const units = owedOf(policy, live + rest, cost)
      rest += Math.max(0, live + units - UNITS)
      insertBeyond(cells, at, live, units, now + windowMs)
      live = Math.min(UNITS, live + units)
    }
    clearFrom(cells, at, live, rest)
  }
  const remaining = Math.max(0, quota - live)
  const more = remaining < quota ? wait(cells, at, quota, remaining + 1, now) : 0
  const retry = allowed ? 0 : wait(cells, at, quota, cost, now)
  const reset = live === 0 ? 0 : (cells[at] ?? 0) - now
  const debt = Math.max(0, live + rest - quota)
  return new Standing(policy, allowed, remaining, more, retry, reset, 0, now, undefined, debt)
}

/** Milliseconds until at most `quota - cost` units are left in use. */
function wait(cells: Cells, at: number, quota: number, cost: number, now: number): number {
  if (cost > quota) return Number.POSITIVE_INFINITY
  return Math.max(0, (cells[at + quota - cost] ?? 0) - now)
}

/** Units that are yet to return, of those that have a cell. */
function liveIn(cells: Cells, at: number, now: number): number {
  let live = 0
  while (live < UNITS && (cells[at + live] ?? 0) > now) live++
  return live
}

/** Those that have none: they return before any that has one. */
function restIn(cells: Cells, at: number, live: number, now: number): number {
  return live === UNITS && (cells[at + REST_RETURNS] ?? 0) > now ? (cells[at + REST] ?? 0) : 0
}

/** Puts units before the others, where all have a cell. */
function insert(cells: Cells, at: number, live: number, units: number, returnsAt: number): void {
  for (let unit = live - 1; unit >= 0; unit--) cells[at + unit + units] = cells[at + unit] ?? 0
  for (let unit = 0; unit < units; unit++) cells[at + unit] = returnsAt
}

/** Puts units before the others. Those that are left without a cell return together, with the latest of them. */
function insertBeyond(cells: Cells, at: number, live: number, units: number, returnsAt: number): void {
  const kept = Math.min(units, UNITS)
  if (live + units > UNITS) cells[at + REST_RETURNS] = units > UNITS ? returnsAt : (cells[at + UNITS - units] ?? 0)
  insert(cells, at, Math.min(live, UNITS - kept), kept, returnsAt)
}

/** The clock went back: what was taken in its future was taken now. */
function pullBack(cells: Cells, at: number, live: number, rest: number, latest: number): void {
  for (let unit = 0; unit < live; unit++) cells[at + unit] = Math.min(cells[at + unit] ?? 0, latest)
  cells[at + REST_RETURNS] = Math.min(cells[at + REST_RETURNS] ?? 0, latest)
  clearFrom(cells, at, live, rest)
}

/** Forgets the units that have returned: a clock that goes back does not bring them back. */
function clearFrom(cells: Cells, at: number, live: number, rest: number): void {
  const end = rest === 0 ? WIDTH : UNITS
  for (let unit = live; unit < end; unit++) cells[at + unit] = 0
  if (rest > 0) cells[at + REST] = rest
}
