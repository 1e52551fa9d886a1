import { Standing } from '../decision.js'
import { ConfigError } from '../errors.js'
import type { Policy } from '../policy.js'
import type { Algorithm, Cells } from './algorithm.js'

/**
 * The exact meter behind the token bucket and the leaky bucket: units in use, draining at quota / window.
 * A bucket is the last instant it was written, and the level then in units of 1 / windowMs of a unit, so that a
 * millisecond drains exactly `quota` of them and nothing is ever rounded (docs/arithmetic.md).
 */
export const meter = (name: string): Algorithm => ({
  name,
  width: () => 2,
  decide,
  // What drained while the units were held has been given back by time already.
  refund(cells, at, policy, cost, taken, now) {
    const held = Math.max(0, now - taken)
    const credit = Math.max(0, cost * policy.windowMs - held * policy.quota)
    const level = levelAt(cells, at, policy, now)
    cells[at] = now
    cells[at + 1] = Math.max(0, level - credit)
  },
  used: (cells, at, policy, now) => levelAt(cells, at, policy, now) / policy.windowMs,
})

/**
 * A level must stay a whole number that a double can hold.
 * @throws {ConfigError} where capacity × window is above 2^53 − 1.
 */
export function checkMeter(policy: Policy): Policy {
  const { capacity, windowMs } = policy
  if (capacity * windowMs <= Number.MAX_SAFE_INTEGER) return policy
  const most = Math.floor(Number.MAX_SAFE_INTEGER / windowMs)
  throw new ConfigError(
    `A bucket of ${capacity} units over ${windowMs} ms cannot be counted exactly: with that window it holds at most ` +
      `${most}. Say the same rate over a shorter window and give the bucket's size as burst.`,
  )
}

function decide(cells: Cells, at: number, policy: Policy, cost: number, now: number, commit: boolean): Standing {
  const { quota, windowMs, capacity, burst } = policy
  let level = levelAt(cells, at, policy, now)
  if ((cells[at] ?? 0) > now) {
    cells[at] = now
    cells[at + 1] = level
  }
  let remaining = Math.max(0, Math.floor((capacity * windowMs - level) / windowMs))
  const allowed = cost <= remaining
  if (commit && allowed && cost > 0) {
    remaining -= cost
    level += cost * windowMs
    cells[at] = now
    cells[at + 1] = level
  }
  const more = level === 0 ? 0 : wait(policy, level, remaining + 1)
  const retry = allowed ? 0 : wait(policy, level, cost)
  const reset = Math.ceil(level / quota)
  const delay = allowed ? Math.max(0, Math.ceil((level - burst * windowMs) / quota)) : 0
  return new Standing(policy, allowed, remaining, more, retry, reset, delay, now)
}

/** The level now. Before its last instant it drains backwards, up to full: the instant at which it would be empty stands. */
function levelAt(cells: Cells, at: number, policy: Policy, now: number): number {
  const last = cells[at] ?? 0
  const level = cells[at + 1] ?? 0
  if (level === 0) return 0
  const drained = level - (now - last) * policy.quota
  return now >= last ? Math.max(0, drained) : Math.min(policy.capacity * policy.windowMs, drained)
}

/** Milliseconds until `cost` fits. */
function wait(policy: Policy, level: number, cost: number): number {
  if (cost > policy.capacity) return Number.POSITIVE_INFINITY
  const excess = cost * policy.windowMs - (policy.capacity * policy.windowMs - level)
  return excess <= 0 ? 0 : Math.ceil(excess / policy.quota)
}
