import type { Decision } from '../decisions/decision.js'
import { Standing } from '../decisions/standing.js'
import type { Failover } from '../failover/failover.js'

/** Units of one bucket that a decision has reserved, and until when they can count. */
interface Share {
  readonly units: number
  readonly until: number
}

/** Buckets that are looked through at once for what nobody has settled. */
const SWEEP_FROM = 1_000

const all = new WeakMap<Failover, Reserved>()

/** All limits on a store share what is known of its reservations. */
export function reservedOf(failover: Failover): Reserved {
  let reserved = all.get(failover)
  if (reserved === undefined) {
    reserved = new Reserved()
    all.set(failover, reserved)
  }
  return reserved
}

/** What decisions of this process have reserved and not settled yet: so that a denial can say so. */
export class Reserved {
  readonly #buckets = new Map<string, Map<Decision, Share>>()
  #sweepAt = SWEEP_FROM
  /** Whether anything was ever settled: until then, nobody is told what is reserved. */
  isUsed = false

  add(decision: Decision): void {
    if (!decision.taken) return
    const now = performance.now()
    for (const [i, { policy, key, cost, lease }] of decision.asks.entries()) {
      const standing = decision.standings[i]
      if (lease !== undefined || cost === 0 || !standing?.allowed) continue
      const bucket = `${policy.address}\0${key}`
      const shares = this.#buckets.get(bucket) ?? new Map<Decision, Share>()
      this.#buckets.set(bucket, shares.set(decision, { units: cost, until: now + standing.resetAfterMs }))
    }
    if (this.#buckets.size > this.#sweepAt) this.#sweep(now)
  }

  remove(decision: Decision): void {
    for (const { policy, key } of decision.asks) {
      const bucket = `${policy.address}\0${key}`
      const shares = this.#buckets.get(bucket)
      shares?.delete(decision)
      if (shares?.size === 0) this.#buckets.delete(bucket)
    }
  }

  /** A denial with what others hold of its buckets. */
  noted(denial: Decision): Decision {
    if (this.#buckets.size === 0 || denial.allowed) return denial
    const units = denial.asks.map(({ policy, key }) => this.#unitsOf(`${policy.address}\0${key}`))
    if (units.every((held) => held === 0)) return denial
    return denial.with(denial.standings.map((standing, i) => Standing.like(standing, { reserved: units[i] ?? 0 })))
  }

  #unitsOf(bucket: string): number {
    const now = performance.now()
    let held = 0
    for (const { units, until } of this.#buckets.get(bucket)?.values() ?? []) if (until > now) held += units
    return held
  }

  /** Nobody settles what a handler has forgotten: it counts until its bucket is fresh. */
  #sweep(now: number): void {
    for (const [bucket, shares] of this.#buckets) {
      for (const [decision, { until }] of shares) if (until <= now) shares.delete(decision)
      if (shares.size === 0) this.#buckets.delete(bucket)
    }
    this.#sweepAt = Math.max(SWEEP_FROM, 2 * this.#buckets.size)
  }
}
