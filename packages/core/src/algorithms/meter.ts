import { Standing } from '../decisions/standing.js'
import type { AlgorithmName, Policy } from '../policies/policy.js'
import type { Algorithm, Cells } from './algorithm.js'
import { owedOf } from './debt.js'

/**
 * The exact meter behind the token bucket and the leaky bucket: units in use, draining at quota / window.
 * A bucket is the last instant it was written, the level then in units of 1 / windowMs of a unit, and the quota of the
 * policy that wrote it: a millisecond drains exactly that many, so nothing is ever rounded (docs/arithmetic.md), and a
 * change of plan takes effect with the first take under it.
 */
const meter = (name: AlgorithmName): Algorithm => ({
  name,
  width: () => 3,
  decide,
  // What drained while the units were held has been given back by time already, at the faster rate after a change of plan.
  refund(cells, at, policy, cost, taken, now) {
    const held = Math.max(0, now - taken)
    const credit = Math.max(0, cost * policy.windowMs - held * Math.max(policy.quota, cells[at + 2] ?? 0))
    const level = levelAt(cells, at, policy, now)
    cells[at] = now
    cells[at + 1] = Math.max(0, level - credit)
  },
  used: (cells, at, policy, now) => levelAt(cells, at, policy, now) / policy.windowMs,
})

export const tokenBucketAlgorithm: Algorithm = meter('token-bucket')
export const leakyBucketAlgorithm: Algorithm = meter('leaky-bucket')

function decide(cells: Cells, at: number, policy: Policy, cost: number, now: number, commit: boolean): Standing {
  const { quota, windowMs, capacity, burst } = policy
  let level = levelAt(cells, at, policy, now)
  if ((cells[at] ?? 0) > now) {
    cells[at] = now
    cells[at + 1] = level
  }
  let rate = level === 0 ? quota : (cells[at + 2] ?? quota)
  const full = capacity * windowMs
  let remaining = Math.max(0, Math.floor((full - level) / windowMs))
  const fits = cost <= remaining
  const allowed = fits || policy.soft
  if (commit && allowed && cost > 0) {
    const units = fits ? cost : owedOf(policy, Math.ceil(level / windowMs), cost)
    remaining = Math.max(0, remaining - units)
    level += units * windowMs
    rate = quota
    cells[at] = now
    cells[at + 1] = level
    cells[at + 2] = quota
  }
  const more = remaining < capacity ? wait(policy, level, rate, remaining + 1) : 0
  const retry = allowed ? 0 : wait(policy, level, rate, cost)
  const reset = Math.ceil(level / rate)
  const early = level - burst * windowMs
  const delay = early > 0 && allowed && policy.algorithm === 'leaky-bucket' ? Math.ceil(early / rate) : 0
  const debt = level > full ? Math.ceil((level - full) / windowMs) : 0
  return new Standing(policy, allowed, remaining, more, retry, reset, delay, now, undefined, debt)
}

/**
 * The level now. Before its last instant it drains backwards, up to full, or to the debt that it had then: the instant at
 * which it would be empty stands.
 */
function levelAt(cells: Cells, at: number, policy: Policy, now: number): number {
  const last = cells[at] ?? 0
  const level = cells[at + 1] ?? 0
  if (level === 0) return 0
  const drained = level - (now - last) * (cells[at + 2] ?? 0)
  return now >= last ? Math.max(0, drained) : Math.min(Math.max(policy.capacity * policy.windowMs, level), drained)
}

/** Milliseconds until `cost` fits. */
function wait(policy: Policy, level: number, rate: number, cost: number): number {
  if (cost > policy.capacity) return Number.POSITIVE_INFINITY
  const excess = cost * policy.windowMs - (policy.capacity * policy.windowMs - level)
  return excess <= 0 ? 0 : Math.ceil(excess / rate)
}
