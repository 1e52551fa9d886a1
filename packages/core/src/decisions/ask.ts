import type { Policy } from '../policies/policy.js'

/** One policy asked for one key. */
export interface Ask {
  readonly policy: Policy
  readonly key: string
  /** A whole number ≥ 0; 0 takes nothing. */
  readonly cost: number
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
