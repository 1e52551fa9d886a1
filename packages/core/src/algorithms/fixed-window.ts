import { Standing } from '../decisions/standing.js'
import type { Policy } from '../policies/policy.js'
import type { Algorithm, Cells } from './algorithm.js'
import { owedOf } from './debt.js'

/** A bucket is the window's start and the units taken in it. */
export const fixedWindowAlgorithm: Algorithm = {
  name: 'fixed-window',
  width: () => 2,
  decide,
  refund(cells, at, policy, cost, taken, now) {
    const start = cells[at] ?? 0
    if (taken < start || now >= start + policy.windowMs) return
    cells[at + 1] = Math.max(0, unitsOf(cells, at) - cost)
  },
  used(cells, at, policy, now) {
    return now >= (cells[at] ?? 0) + policy.windowMs ? 0 : unitsOf(cells, at)
  },
}

function decide(cells: Cells, at: number, policy: Policy, cost: number, now: number, commit: boolean): Standing {
  const { quota, windowMs } = policy
  let start = cells[at] ?? 0
  let taken = unitsOf(cells, at)
  if (start > now && taken > 0) {
    cells[at] = start = now
  }
  if (taken === 0 || now >= start + windowMs) {
    start = now
    taken = 0
  }
  const fits = cost <= Math.max(0, quota - taken)
  const allowed = fits || policy.soft
  if (commit && allowed && cost > 0) {
    taken += fits ? cost : owedOf(policy, taken, cost)
    cells[at] = start
    cells[at + 1] = taken
  }
  const left = taken === 0 ? 0 : start + windowMs - now
  const retry = allowed ? 0 : cost > quota ? Number.POSITIVE_INFINITY : left
  const remaining = Math.max(0, quota - taken)
  return new Standing(policy, allowed, remaining, left, retry, left, 0, now, undefined, Math.max(0, taken - quota))
}

function unitsOf(cells: Cells, at: number): number {
  return cells[at + 1] ?? 0
}
