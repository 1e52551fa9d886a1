import type { Ask } from '../decisions/ask.js'
import type { Standing } from '../decisions/standing.js'
import type { Policy } from '../policies/policy.js'
import { boundedKey, copied } from '../runtime/key.js'
import { standingOf } from './reply.js'

/** Keys remembered at the most, and denials of each. */
const MOST_KEYS = 10_000
const MOST_OF_A_KEY = 8

/** After so long the store is asked once more: another process may have reset the key or given something back. */
const CONFIRM_AFTER_MS = 10_000

interface Denial {
  readonly policies: readonly Policy[]
  readonly costs: readonly number[]
  readonly cells: readonly (readonly number[])[]
  /** The store's clock when it denied, and ours when we heard of it. */
  readonly at: number
  readonly heard: number
}

/**
 * Who was denied, with the buckets as they were then. Until another take could pass, the same ask is denied from here:
 * others can only have taken more since. A flood on a denied key so costs the store nothing.
 */
export class Denials {
  readonly #byKey = new Map<string, readonly Denial[]>()
  readonly #clock: () => number

  constructor(clock: () => number) {
    this.#clock = clock
  }

  /** The standings of a denial that still holds for these asks; `undefined` where the store has to be asked. */
  recall(asks: readonly Ask[]): readonly Standing[] | undefined {
    const key = keyOf(asks)
    if (key === undefined || this.#byKey.size === 0) return undefined
    const denial = this.#of(key).find((one) => covers(one, asks))
    if (denial === undefined) return undefined
    const elapsed = this.#clock() - denial.heard
    if (elapsed < 0 || elapsed > CONFIRM_AFTER_MS) {
      this.#keep(
        key,
        this.#of(key).filter((one) => one !== denial),
      )
      return undefined
    }
    const now = denial.at + Math.floor(elapsed)
    const standings = asks.map((ask, i) => standingOf(ask, [...(denial.cells[i] ?? [])], now, false))
    return standings.some(isSettled) ? standings : undefined
  }

  remember(asks: readonly Ask[], cells: readonly (readonly number[])[], at: number, heard: number): void {
    const key = keyOf(asks)
    if (key === undefined) return
    const policies = asks.map(({ policy }) => policy)
    const others = this.#of(key).filter((one) => !sameLimit(one.policies, asks))
    this.#keep(key, [
      ...others.slice(1 - MOST_OF_A_KEY),
      { policies, costs: asks.map(({ cost }) => cost), cells, at, heard },
    ])
    if (this.#byKey.size <= MOST_KEYS) return
    for (const oldest of this.#byKey.keys()) {
      this.#byKey.delete(oldest)
      return
    }
  }

  /** What was taken since makes a remembered bucket an old one. */
  taken(asks: readonly Ask[]): void {
    if (this.#byKey.size === 0) return
    for (const { key, policy } of asks) {
      const denials = this.#of(key)
      const others = denials.filter(({ policies }) => !policies.some(({ address }) => address === policy.address))
      if (others.length < denials.length) this.#keep(key, others)
    }
  }

  forget(key: string): void {
    if (this.#byKey.size > 0) this.#byKey.delete(boundedKey(key))
  }

  clear(): void {
    this.#byKey.clear()
  }

  #of(key: string): readonly Denial[] {
    return this.#byKey.get(boundedKey(key)) ?? []
  }

  /** The newest last; long keys by their hash, and none as a part of some longer text. */
  #keep(key: string, denials: readonly Denial[]): void {
    const kept = copied(boundedKey(key))
    this.#byKey.delete(kept)
    if (denials.length > 0) this.#byKey.set(kept, denials)
  }
}

/** Whether a standing denies until its time has come: a slot may be released at any moment. */
function isSettled({ allowed, policy }: Standing): boolean {
  return !allowed && !policy.shadow && policy.lease === undefined
}

/** The one key of all asks, if it is one. */
function keyOf(asks: readonly Ask[]): string | undefined {
  const key = asks[0]?.key
  return asks.every((ask) => ask.key === key) ? key : undefined
}

function covers({ policies, costs }: Denial, asks: readonly Ask[]): boolean {
  return sameLimit(policies, asks) && asks.every((ask, i) => isEnough(ask, costs[i] ?? 0))
}

/** A log is reported only as far as the denied cost needed it: enough until that would pass, and no longer. */
function isEnough({ policy, cost }: Ask, denied: number): boolean {
  if (policy.algorithm !== 'sliding-log') return true
  return cost <= denied && denied <= policy.capacity
}

function sameLimit(policies: readonly Policy[], asks: readonly Ask[]): boolean {
  return policies.length === asks.length && policies.every((policy, i) => samePolicy(policy, asks[i]?.policy))
}

/** Policies made by a function are new objects each time. */
function samePolicy(a: Policy, b: Policy | undefined): boolean {
  if (a === b) return true
  return (
    b !== undefined &&
    a.address === b.address &&
    a.quota === b.quota &&
    a.capacity === b.capacity &&
    a.soft === b.soft &&
    a.rollover === b.rollover
  )
}
