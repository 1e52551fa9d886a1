import type { Unit } from '../policies/rate.js'
import type { Ask } from './ask.js'
import { bindingOf } from './binding.js'
import type { Override } from './override.js'
import { type Settled, settlerOf } from './settler.js'
import type { Standing } from './standing.js'

/** The answer for one request over all policies of a limit. Also the receipt that `refund` asks for. */
export class Decision {
  readonly allowed: boolean
  /** Whether the units were taken: it was allowed, no `peek`, and not `repeated`. Only then does `refund` give anything back. */
  readonly taken: boolean
  /** What was asked for: one for each policy, in their order. */
  readonly asks: readonly Ask[]
  /** The answer to each ask, in the same order; none where the store was unavailable and `onStoreError` is `'allow'`. */
  readonly standings: readonly Standing[]
  /** Whether the store could not decide, and `onStoreError` did. */
  readonly degraded: boolean
  /** Whether its id was counted before: it took nothing, and this is what the first was answered. */
  readonly repeated: boolean
  /** What was decided by in place of the limit's policies, where they are overridden for this key. */
  readonly override: Override | undefined = undefined
  /** The slots that it holds, until they are released; `undefined` where it holds none. */
  declare hold: object | undefined

  constructor(
    asks: readonly Ask[],
    standings: readonly Standing[],
    verb: 'consume' | 'peek',
    degraded = false,
    repeated = false,
  ) {
    this.asks = asks
    this.standings = standings
    this.degraded = degraded
    this.repeated = repeated
    this.allowed = admits(standings)
    this.taken = this.allowed && verb === 'consume' && !repeated
  }

  /**
   * Sets the units that were really used, once they are known: more are taken, even if there is no room for them, and fewer
   * are given back. Once for each policy. Answers with whether it did anything.
   * @param units One number, or one for each unit that is settled: `{ tokens: 1_234, 'micro-dollars': 900 }`.
   * @param unit Which policies are meant by one number, where a limit counts several units.
   * @example req.rateLimit.settle(usage.total_tokens, 'tokens')
   * @throws {CostError} unless `units` is a whole number ≥ 0. @throws {ConfigError} where the unit has to be named. Rejects with a
   * `StoreError`, which is reported too, where units cannot be given back: then what was reserved stays counted.
   */
  settle(units: Settled, unit?: Unit): boolean | Promise<boolean> {
    return settlerOf(this.asks[0]?.policy)?.settle(this, units, unit) ?? false
  }

  /** Gives back all units that were taken and are not settled yet, but no slots, which `release` does. Answers with whether it did anything. */
  cancel(): boolean | Promise<boolean> {
    return settlerOf(this.asks[0]?.policy)?.cancel(this) ?? false
  }

  /**
   * Takes more units for the same keys, all or nothing, while what was reserved turns out to be too little. The answer is a
   * decision of its own, which is settled like any other; where it denies, nothing more was taken.
   * @param unit Which policies are meant, where a limit counts several units.
   * @example const more = await req.rateLimit.extend(500, 'tokens')
   * @throws {CostError} unless `units` is a whole number ≥ 0. @throws {ConfigError} where the unit has to be named.
   */
  extend(units: number, unit?: Unit): Decision | Promise<Decision> {
    return settlerOf(this.asks[0]?.policy)?.extend(this, units, unit) ?? new Decision([], [], 'consume')
  }

  /** The same decision with other standings; it has taken nothing. */
  with(standings: readonly Standing[]): Decision {
    const decision = new Decision(this.asks, standings, 'peek', this.degraded, this.repeated)
    return this.override === undefined ? decision : decision.by(this.override)
  }

  /** Says what it was decided by. */
  by(override: Override): this {
    return Object.assign(this, { override })
  }

  /** The plan whose policies it was decided by, where the limit has plans. */
  get plan(): string | undefined {
    return this.asks[0]?.policy.plan
  }

  /** The partition key; that of the first policy where they differ (`asks` has all). */
  get key(): string {
    return this.asks[0]?.key ?? ''
  }

  /** The units asked for; those of the first policy where they differ (`asks` has all). */
  get cost(): number {
    return this.asks[0]?.cost ?? 0
  }

  /** Milliseconds until this request would pass if no other units are taken; 0 when allowed, `Infinity` when it never can. */
  get retryAfterMs(): number {
    return this.allowed ? 0 : longest(this.standings, 'retryAfterMs')
  }

  /** Milliseconds to hold an allowed request (leaky buckets); 0 for all others. */
  get delayMs(): number {
    return this.allowed ? longest(this.standings, 'delayMs') : 0
  }

  /** For clients: names and numbers of the policies that are enforced, without keys. Times are ISO 8601, UTC. */
  toJSON(): DecisionJson {
    const now = Date.now()
    const enforced = this.standings.filter(({ policy }) => !policy.shadow)
    return {
      allowed: this.allowed,
      retryAfterMs: finite(this.retryAfterMs),
      policies: enforced.map(({ policy, used, remaining, resetAfterMs, period }) => ({
        name: policy.name,
        quota: policy.quota,
        unit: policy.unit,
        windowMs: finite(period === undefined ? policy.windowMs : period.end - period.start),
        used,
        remaining,
        resetAt: isoTime(period === undefined || used === 0 ? now + resetAfterMs : period.end),
      })),
    }
  }

  /** The standing that binds: of those that denied the one that waits longest, else the one with the least share left. */
  get binding(): Standing | undefined {
    return bindingOf(this.standings)
  }
}

// Only decisions that hold slots have it as their own.
Object.defineProperty(Decision.prototype, 'hold', { value: undefined, writable: true })

/** ECMAScript's dates end in the year 275760. */
const LAST_TIME = 8.64e15

/** JSON has no infinity. */
function finite(ms: number): number | null {
  return Number.isFinite(ms) ? ms : null
}

export function isoTime(ms: number): string | null {
  return ms <= LAST_TIME ? new Date(ms).toISOString() : null
}

/** A decision as `JSON.stringify` writes it. */
export interface DecisionJson {
  readonly allowed: boolean
  /** `null`: it never passes. */
  readonly retryAfterMs: number | null
  readonly policies: readonly {
    readonly name: string
    readonly quota: number
    readonly unit: string
    /** `null`: a lifetime. */
    readonly windowMs: number | null
    readonly used: number
    readonly remaining: number
    /** When the bucket is fresh again if no units are taken; `null`: later than a date can say. */
    readonly resetAt: string | null
  }[]
}

/** Whether every policy that is enforced lets the request pass. */
export function admits(standings: readonly Standing[]): boolean {
  for (let i = 0; i < standings.length; i++) {
    const standing = standings[i]
    if (standing !== undefined && !standing.allowed && !standing.policy.shadow) return false
  }
  return true
}

function longest(standings: readonly Standing[], time: 'retryAfterMs' | 'delayMs'): number {
  let most = 0
  for (const standing of standings) if (!standing.policy.shadow) most = Math.max(most, standing[time])
  return most
}
