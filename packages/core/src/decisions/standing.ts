import type { Policy } from '../policies/policy.js'

/** One policy's part of a decision: how its bucket stands once the decision is taken. */
export class Standing {
  readonly policy: Policy
  /** Whether this policy lets the request pass. */
  readonly allowed: boolean
  /** Units that would pass now, a whole number ≥ 0. */
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

  /** Units in use: what the capacity lacks of `remaining`. */
  get used(): number {
    return this.policy.capacity - this.remaining
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
  ) {
    this.policy = policy
    this.allowed = allowed
    this.remaining = remaining
    this.moreAfterMs = moreAfterMs
    this.retryAfterMs = retryAfterMs
    this.resetAfterMs = resetAfterMs
    this.delayMs = delayMs
    this.at = at
  }
}
