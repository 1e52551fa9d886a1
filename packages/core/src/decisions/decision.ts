import type { Ask } from './ask.js'
import { bindingOf } from './binding.js'
import type { Standing } from './standing.js'

/** The answer for one request over all policies of a limit. Also the receipt that `refund` asks for. */
export class Decision {
  readonly allowed: boolean
  /** Whether the units were taken: it was allowed, and was no `peek`. Only then does `refund` give anything back. */
  readonly taken: boolean
  /** What was asked for: one for each policy, in their order. */
  readonly asks: readonly Ask[]
  /** The answer to each ask, in the same order; none where the store was unavailable and `onStoreError` is `'allow'`. */
  readonly standings: readonly Standing[]
  /** Whether the store could not decide, and `onStoreError` did. */
  readonly degraded: boolean

  constructor(asks: readonly Ask[], standings: readonly Standing[], verb: 'consume' | 'peek', degraded = false) {
    this.asks = asks
    this.standings = standings
    this.degraded = degraded
    this.allowed = admits(standings)
    this.taken = this.allowed && verb === 'consume'
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
      retryAfterMs: Number.isFinite(this.retryAfterMs) ? this.retryAfterMs : null,
      policies: enforced.map(({ policy, used, remaining, resetAfterMs }) => ({
        name: policy.name,
        quota: policy.quota,
        unit: policy.unit,
        windowMs: policy.windowMs,
        used,
        remaining,
        resetAt: isoTime(now + resetAfterMs),
      })),
    }
  }

  /** The standing that binds: of those that denied the one that waits longest, else the one with the least share left. */
  get binding(): Standing | undefined {
    return bindingOf(this.standings)
  }
}

/** ECMAScript's dates end in the year 275760. */
const LAST_TIME = 8.64e15

function isoTime(ms: number): string | null {
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
    readonly windowMs: number
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
