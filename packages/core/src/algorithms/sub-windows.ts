import { Standing } from '../decisions/standing.js'
import type { Policy } from '../policies/policy.js'
import type { Algorithm, Cells } from './algorithm.js'
import { owedOf } from './debt.js'

/**
 * The strict sliding window: k parts of the window, the part that is half gone counted in full.
 * A bucket is the newest part's number and a ring of k + 1 counters (docs/arithmetic.md).
 */
export const subWindowsAlgorithm: Algorithm = {
  name: 'sub-windows',
  width: (policy) => policy.subWindows + 2,
  decide,
  refund(cells, at, policy, cost, taken) {
    const part = Math.floor(taken / partMs(policy))
    const newest = cells[at] ?? 0
    if (part > newest || part < newest - policy.subWindows) return
    const cell = cellOf(at, part, policy)
    cells[cell] = Math.max(0, (cells[cell] ?? 0) - cost)
  },
  used: (cells, at, policy, now) => sumFrom(cells, at, policy, Math.floor(now / partMs(policy)) - policy.subWindows),
}

function decide(cells: Cells, at: number, policy: Policy, cost: number, now: number, commit: boolean): Standing {
  const { quota, subWindows } = policy
  const part = Math.floor(now / partMs(policy))
  if ((cells[at] ?? 0) > part) gatherInto(cells, at, policy, part)
  let taken = sumFrom(cells, at, policy, part - subWindows)
  const fits = cost <= Math.max(0, quota - taken)
  const allowed = fits || policy.soft
  if (commit && allowed && cost > 0) {
    const units = fits ? cost : owedOf(policy, taken, cost)
    advanceTo(cells, at, policy, part)
    const cell = cellOf(at, part, policy)
    cells[cell] = (cells[cell] ?? 0) + units
    taken += units
  }
  const remaining = Math.max(0, quota - taken)
  const more = taken === 0 ? 0 : wait(cells, at, policy, remaining + 1, now)
  const retry = allowed ? 0 : wait(cells, at, policy, cost, now)
  const reset = taken === 0 ? 0 : wait(cells, at, policy, quota, now)
  return new Standing(policy, allowed, remaining, more, retry, reset, 0, now, undefined, Math.max(0, taken - quota))
}

/** Milliseconds until enough of the oldest parts have left for `cost` to fit. */
function wait(cells: Cells, at: number, policy: Policy, cost: number, now: number): number {
  const { quota, subWindows } = policy
  if (cost > quota) return Number.POSITIVE_INFINITY
  const part = Math.floor(now / partMs(policy))
  let left = sumFrom(cells, at, policy, part - subWindows)
  for (let oldest = part - subWindows; oldest <= part; oldest++) {
    if (left <= quota - cost) return Math.max(0, (oldest + subWindows) * partMs(policy) - now)
    left -= countOf(cells, at, policy, oldest)
  }
  return (part + subWindows + 1) * partMs(policy) - now
}

/** Units in `oldest` and all later parts. */
function sumFrom(cells: Cells, at: number, policy: Policy, oldest: number): number {
  const newest = cells[at] ?? 0
  let sum = 0
  for (let part = Math.max(oldest, newest - policy.subWindows); part <= newest; part++) {
    sum += countOf(cells, at, policy, part)
  }
  return sum
}

function countOf(cells: Cells, at: number, policy: Policy, part: number): number {
  const newest = cells[at] ?? 0
  if (part < 0 || part > newest || part < newest - policy.subWindows) return 0
  return cells[cellOf(at, part, policy)] ?? 0
}

function advanceTo(cells: Cells, at: number, policy: Policy, part: number): void {
  const newest = cells[at] ?? 0
  for (let stale = Math.max(newest, part - policy.subWindows - 1) + 1; stale <= part; stale++) {
    cells[cellOf(at, stale, policy)] = 0
  }
  cells[at] = part
}

/** The clock went back: all that was counted is moved into the part it is now. */
function gatherInto(cells: Cells, at: number, policy: Policy, part: number): void {
  const sum = sumFrom(cells, at, policy, 0)
  for (let cell = 0; cell <= policy.subWindows; cell++) cells[at + 1 + cell] = 0
  cells[at] = part
  cells[cellOf(at, part, policy)] = sum
}

function cellOf(at: number, part: number, policy: Policy): number {
  return at + 1 + (part % (policy.subWindows + 1))
}

/** Rounded up, so that k parts never span less than the window. */
function partMs(policy: Policy): number {
  return Math.ceil(policy.windowMs / policy.subWindows)
}
