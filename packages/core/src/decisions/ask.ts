import type { Policy } from '../policies/policy.js'
import { nextLease } from './lease.js'

/** One policy asked for one key. */
export interface Ask {
  readonly policy: Policy
  readonly key: string
  /** A whole number ≥ 0; 0 takes nothing. */
  readonly cost: number
  /** Where the cost is an estimate: the whole of it, which may be more than `cost`, as no more is taken than the policy can hold. */
  readonly estimate?: EstimatedCost | undefined
  /** The lease under which a concurrency policy's slots are held: see `nextLease`. */
  readonly lease?: number | undefined
}

/**
 * A cost that is estimated, and settled when it is known: no more is taken than the policy can hold, so that an estimate that is too high
 * does not shut anybody out. Where even `least` is more than that, it never passes.
 */
export interface EstimatedCost {
  /** Units to take, a whole number ≥ 0. */
  readonly units: number
  /** Units that it will surely cost. */
  readonly least: number
}

/** An ask of at most what its policy can hold. */
export function newEstimate(policy: Policy, key: string, estimate: EstimatedCost): Ask {
  const { units, least } = estimate
  return { ...newAsk(policy, key, least > policy.capacity ? units : Math.min(units, policy.capacity)), estimate }
}

export function newAsk(policy: Policy, key: string, cost: number): Ask {
  return policy.lease === undefined ? { policy, key, cost } : { policy, key, cost, lease: nextLease() }
}

/** The same, to be asked once more: under new leases, since what became of the old ones may not be known. */
export function askedAnew(asks: readonly Ask[]): readonly Ask[] {
  return asks.map((ask) => (ask.lease === undefined ? ask : { ...ask, lease: nextLease() }))
}

/** Names the bucket that an ask is for, among all of a store. */
export function bucketKeyOf({ policy, key }: Ask): string {
  return `${policy.address}\0${key}`
}

/** Whether a take of these holds slots. */
export function haveSlots(asks: readonly Ask[]): boolean {
  for (let i = 0; i < asks.length; i++) if (asks[i]?.lease !== undefined) return true
  return false
}

/** Units to give back, and when the store's own clock said they were taken (`Standing.at`). */
export interface Return extends Ask {
  readonly at: number
}

/** What was given back: of each return, the units that were over a quota; nothing from a store that does not tell. */
export type GivenBack = readonly number[] | undefined

/** @throws {RangeError} where two asks name the same bucket: only one of them would be counted. */
export function refuseTwins(asks: readonly Ask[]): void {
  for (let i = 1; i < asks.length; i++) {
    for (let j = 0; j < i; j++) {
      if (asks[i]?.policy.address === asks[j]?.policy.address && asks[i]?.key === asks[j]?.key) {
        throw new RangeError(`Two asks of one decision name the same bucket, of policy "${asks[i]?.policy.name}".`)
      }
    }
  }
}
