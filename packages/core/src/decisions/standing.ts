import type { Policy } from '../policies/policy.js'

/** How a calendar quota stands in its period. Times are Unix milliseconds. */
export interface PeriodStanding {
  readonly start: number
  /** `Infinity` where it never ends. */
  readonly end: number
  /** Units used in this period, whatever they came from. */
  readonly used: number
  /** Units of grants that are left, or were used in this period. */
  readonly granted: number
  /** Units that the period before left unused, and passed on. */
  readonly rolledOver: number
  /** Units used beyond the quota and all that was added to it: by a soft quota, or by its overage. */
  readonly over: number
  /** Of these, the units that this decision took. */
  readonly overTaken: number
}

/** What may be said otherwise of a standing. */
export type Changes = Partial<Omit<Standing, 'used'>>

/** One policy's part of a decision: how its bucket stands once the decision is taken. */
export class Standing {
  readonly policy: Policy
  /** Whether this policy lets the request pass. */
  readonly allowed: boolean
  /** Units that would pass now, a whole number ≥ 0. Of a soft quota or one with overage: until it is over. */
  readonly remaining: number
  /** Milliseconds until `remaining` grows; 0 when the bucket is full. `null`: no time is known. */
  readonly moreAfterMs: number | null
  /** Milliseconds until this cost passes if no other units are taken; 0 when allowed, `Infinity` when it never can. */
  readonly retryAfterMs: number
  /** Milliseconds until the bucket equals a fresh one. */
  readonly resetAfterMs: number
  /** Milliseconds an allowed request has to be held before it may go on. Only a leaky bucket asks for it. */
  readonly delayMs: number
  /** The store's own clock at the decision, in its own unit: where a refund finds what was taken. */
  readonly at: number
  /** Of a calendar quota. */
  readonly period: PeriodStanding | undefined
  /** Units in use beyond the capacity: nothing more passes until they have drained. 0 for a calendar quota, which has `over`. */
  declare readonly debt: number

  /**
   * Of a denial, units in use that requests have reserved and not settled yet, as far as this process knows: some of them may
   * come back before their time.
   */
  declare readonly reserved: number

  /** The same, but for what is given. */
  static like(standing: Standing, changes: Changes): Standing {
    const { policy, allowed, remaining, moreAfterMs, retryAfterMs, resetAfterMs, ...more } = { ...standing, ...changes }
    const { delayMs, at, period, debt, reserved } = more
    return new Standing(
      ...([policy, allowed, remaining, moreAfterMs, retryAfterMs, resetAfterMs] as const),
      ...([delayMs, at, period, debt, reserved] as const),
    )
  }

  /** Units in use. */
  get used(): number {
    return usedOf(this)
  }

  constructor(
    policy: Policy,
    allowed: boolean,
    remaining: number,
    moreAfterMs: number | null,
    retryAfterMs: number,
    resetAfterMs: number,
    delayMs: number,
    at: number,
    period: PeriodStanding | undefined = undefined,
    debt: number = 0,
    reserved: number = 0,
  ) {
    this.policy = policy
    this.allowed = allowed
    this.remaining = remaining
    this.moreAfterMs = moreAfterMs
    this.retryAfterMs = retryAfterMs
    this.resetAfterMs = resetAfterMs
    this.delayMs = delayMs
    this.at = at
    this.period = period
    if (debt !== 0) this.debt = debt
    if (reserved !== 0) this.reserved = reserved
  }
}

// Nearly all standings have neither, and a decision makes one for each policy: they are as small as they can be.
Object.defineProperties(Standing.prototype, {
  debt: { value: 0, writable: true },
  reserved: { value: 0, writable: true },
})

/** The parts of a standing that say how much of it is used. */
export interface Filled {
  readonly policy: { readonly quota: number; readonly capacity: number }
  readonly remaining: number
  readonly debt?: number | undefined
  readonly period?: Pick<PeriodStanding, 'used' | 'granted' | 'rolledOver' | 'over'> | undefined
}

/** Units in use: what the capacity lacks of `remaining`; of a quota, what was counted. */
export function usedOf({ policy, remaining, period, debt = 0 }: Filled): number {
  return period === undefined ? policy.capacity - remaining + debt : period.used
}

/** The units that make up a share of so many: 7 of 100 for 0.07, which times 100 is a little more in floating point. */
export function unitsAt(share: number, full: number): number {
  return Math.ceil(share * full * (1 - 4 * Number.EPSILON))
}

/** Units in a bucket that is full: its capacity; of a quota, with what was added to it. */
export function fullOf({ policy, period }: Filled): number {
  return period === undefined ? policy.capacity : policy.quota + period.granted + period.rolledOver
}
