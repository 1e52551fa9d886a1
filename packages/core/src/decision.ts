import type { Policy } from './policy.js'

/** One policy's part of a decision: how its bucket stands once the decision is taken. */
export class Standing {
  readonly policy: Policy
  /** Whether this policy lets the request pass. */
  readonly allowed: boolean
  /** Units that would pass now, a whole number ≥ 0. */
  readonly remaining: number
  /** Milliseconds until `remaining` grows; 0 when the bucket is full. `null`: no time can be told. */
  readonly moreAfterMs: number | null
  /** Milliseconds until this cost passes if nobody else takes; 0 when allowed, `Infinity` when it never can. */
  readonly retryAfterMs: number
  /** Milliseconds until the bucket is as if never used. */
  readonly resetAfterMs: number
  /** Milliseconds an allowed request has to be held before it may go on. Only a leaky bucket asks for it. */
  readonly delayMs: number
  /** The store's own clock at the decision, in its own unit: where a refund finds what was taken. */
  readonly at: number

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

/** The answer for one request over all its policies. Also the receipt that `refund` asks for. */
export class Decision {
  readonly allowed: boolean
  readonly key: string
  /** The units asked for. */
  readonly cost: number
  /** One for each policy, in their order. */
  readonly standings: readonly Standing[]
  /** Whether the store could not decide, and `onStoreError` did. */
  readonly degraded: boolean

  constructor(key: string, cost: number, standings: readonly Standing[], degraded = false) {
    this.key = key
    this.cost = cost
    this.standings = standings
    this.degraded = degraded
    this.allowed = admits(standings)
  }

  /** Milliseconds until this request would pass if nobody else takes; 0 when allowed, `Infinity` when it never can. */
  get retryAfterMs(): number {
    return this.allowed ? 0 : longest(this.standings, 'retryAfterMs')
  }

  /** Milliseconds to hold an allowed request (leaky buckets); 0 for all others. */
  get delayMs(): number {
    return this.allowed ? longest(this.standings, 'delayMs') : 0
  }

  /** The standing that binds: of those that denied the one that waits longest, else the one with the least share left. */
  get binding(): Standing | undefined {
    return bindingOf(this.standings)
  }
}

/** Whether every policy that is enforced lets the request pass. */
export function admits(standings: readonly Standing[]): boolean {
  for (let i = 0; i < standings.length; i++) {
    const standing = standings[i]
    if (standing !== undefined && !standing.allowed && !standing.policy.shadow) return false
  }
  return true
}

/** What is told of a standing: all that header fields need to know. */
export interface Announced extends Pick<Standing, 'allowed' | 'remaining' | 'moreAfterMs' | 'retryAfterMs'> {
  /** The partition key's digest, where the client is to be told of it. */
  readonly pk?: string | undefined
  readonly policy: Pick<Policy, 'name' | 'quota' | 'capacity' | 'shadow' | 'warnAt'> & {
    readonly unit: string
    readonly windowMs: number | null
  }
}

/** See `Decision.binding`; shadow policies never bind. */
export function bindingOf<S extends Announced>(standings: readonly S[]): S | undefined {
  let binding: S | undefined
  for (const standing of standings) {
    if (standing.policy.shadow) continue
    if (binding === undefined || bindsMore(standing, binding)) binding = standing
  }
  return binding
}

function bindsMore(a: Announced, b: Announced): boolean {
  if (a.allowed !== b.allowed) return b.allowed
  return a.allowed ? a.remaining / a.policy.quota < b.remaining / b.policy.quota : a.retryAfterMs > b.retryAfterMs
}

function longest(standings: readonly Standing[], time: 'retryAfterMs' | 'delayMs'): number {
  let most = 0
  for (const standing of standings) if (!standing.policy.shadow) most = Math.max(most, standing[time])
  return most
}
