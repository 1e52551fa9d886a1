import { type Ask, bucketKeyOf } from '../decisions/ask.js'
import type { Decision } from '../decisions/decision.js'
import { Standing } from '../decisions/standing.js'
import type { Failover } from '../failover/failover.js'
import type { Unit } from '../policies/rate.js'
import { onePer } from '../runtime/one-per.js'

/** Units of one bucket that a decision has reserved, and until when they can count. */
interface Share {
  readonly units: number
  readonly until: number
}

/** What is reserved of one bucket, in the order in which it was, and the sum of it. */
class Shares {
  readonly #byDecision = new Map<Decision, Share>()
  units = 0

  get isEmpty(): boolean {
    return this.#byDecision.size === 0
  }

  add(decision: Decision, share: Share): void {
    this.remove(decision)
    this.#byDecision.set(decision, share)
    this.units += share.units
  }

  remove(decision: Decision): void {
    this.units -= this.#byDecision.get(decision)?.units ?? 0
    this.#byDecision.delete(decision)
  }

  /** What nobody settles counts until its bucket is fresh: what was reserved first is so first. */
  forgetPast(now: number): void {
    for (const [decision, { until }] of this.#byDecision) {
      if (until > now) return
      this.remove(decision)
    }
  }
}

/** Buckets that are looked through at once for what nobody has settled. */
const SWEEP_FROM = 1_000

/** All limits on a store share what is known of its reservations. */
export const reservedOf: (failover: Failover) => Reserved = onePer(() => new Reserved())

/** What decisions of this process have reserved and not settled yet: so that a denial can say so. */
export class Reserved {
  readonly #buckets = new Map<string, Shares>()
  #sweepAt = SWEEP_FROM
  /** Whether anything was ever settled: until then, nobody is told what is reserved. */
  isUsed = false

  /** @param units The only units that count; all, where none are given. */
  add(decision: Decision, units?: ReadonlySet<Unit>): void {
    if (!decision.taken) return
    const now = performance.now()
    for (const [i, ask] of decision.asks.entries()) {
      const standing = decision.standings[i]
      if (ask.lease !== undefined || ask.cost === 0 || !standing?.allowed) continue
      if (units?.has(ask.policy.unit) === false) continue
      const bucket = bucketKeyOf(ask)
      const shares = this.#buckets.get(bucket) ?? new Shares()
      shares.forgetPast(now)
      shares.add(decision, { units: ask.cost, until: now + standing.resetAfterMs })
      this.#buckets.set(bucket, shares)
    }
    if (this.#buckets.size > this.#sweepAt) this.#sweep(now)
  }

  remove(decision: Decision, asks: readonly Ask[] = decision.asks): void {
    for (const ask of asks) {
      const bucket = bucketKeyOf(ask)
      const shares = this.#buckets.get(bucket)
      shares?.remove(decision)
      if (shares?.isEmpty) this.#buckets.delete(bucket)
    }
  }

  /** Units of a bucket that are reserved and not settled, as far as this process knows. */
  unitsOf(ask: Ask): number {
    return this.#unitsOf(bucketKeyOf(ask))
  }

  /** A denial with what others hold of its buckets. */
  noted(denial: Decision): Decision {
    if (this.#buckets.size === 0 || denial.allowed) return denial
    const units = denial.asks.map((ask) => this.#unitsOf(bucketKeyOf(ask)))
    if (units.every((held) => held === 0)) return denial
    return denial.with(denial.standings.map((standing, i) => Standing.like(standing, { reserved: units[i] ?? 0 })))
  }

  #unitsOf(bucket: string): number {
    const shares = this.#buckets.get(bucket)
    shares?.forgetPast(performance.now())
    return shares?.units ?? 0
  }

  #sweep(now: number): void {
    for (const [bucket, shares] of this.#buckets) {
      shares.forgetPast(now)
      if (shares.isEmpty) this.#buckets.delete(bucket)
    }
    this.#sweepAt = Math.max(SWEEP_FROM, 2 * this.#buckets.size)
  }
}
