import { admits, type Standing } from '../decision.js'
import type { Policy } from '../policy.js'
import type { Ask } from '../store.js'
import { standingOf } from './wire.js'

/** Keys remembered at the most, and denials of each. */
const MOST_KEYS = 10_000
const MOST_OF_A_KEY = 8

/** After so long the store is asked once more: another process may have reset the key or given something back. */
const CONFIRM_AFTER_MS = 10_000

interface Denial {
  readonly asks: readonly Ask[]
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
  readonly #byKey = new Map<string, Denial[]>()
  readonly #clock: () => number

  constructor(clock: () => number) {
    this.#clock = clock
  }

  /** The standings of a denial that still holds for these asks; `undefined` where the store has to be asked. */
  recall(asks: readonly Ask[]): readonly Standing[] | undefined {
    const denials = this.#byKey.get(asks[0]?.key ?? '')
    const denial = denials?.find((one) => sameLimit(one.asks, asks))
    if (denial === undefined || !tellsEnough(denial, asks)) return undefined
    const elapsed = this.#clock() - denial.heard
    if (elapsed < 0 || elapsed > CONFIRM_AFTER_MS) {
      this.#drop(denial)
      return undefined
    }
    const now = denial.at + Math.floor(elapsed)
    const standings = asks.map((ask, i) => standingOf(ask, [...(denial.cells[i] ?? [])], now, false))
    return admits(standings) ? undefined : standings
  }

  remember(asks: readonly Ask[], cells: readonly (readonly number[])[], at: number, heard: number): void {
    const key = asks[0]?.key
    if (key === undefined || asks.some((ask) => ask.key !== key)) return
    const others = (this.#byKey.get(key) ?? []).filter((one) => !sameLimit(one.asks, asks)).slice(1 - MOST_OF_A_KEY)
    this.#byKey.delete(key)
    this.#byKey.set(key, [...others, { asks, cells, at, heard }])
    if (this.#byKey.size <= MOST_KEYS) return
    for (const oldest of this.#byKey.keys()) {
      this.#byKey.delete(oldest)
      return
    }
  }

  forget(key: string): void {
    this.#byKey.delete(key)
  }

  clear(): void {
    this.#byKey.clear()
  }

  #drop(denial: Denial): void {
    const key = denial.asks[0]?.key ?? ''
    const others = (this.#byKey.get(key) ?? []).filter((one) => one !== denial)
    if (others.length === 0) this.#byKey.delete(key)
    else this.#byKey.set(key, others)
  }
}

function sameLimit(a: readonly Ask[], b: readonly Ask[]): boolean {
  return a.length === b.length && a.every((ask, i) => ask.key === b[i]?.key && samePolicy(ask.policy, b[i]?.policy))
}

/** A log is told only as far as the cost that was denied needed it. */
function tellsEnough(denial: Denial, asks: readonly Ask[]): boolean {
  return asks.every(({ policy, cost }, i) => policy.algorithm.width(policy) > 0 || cost <= (denial.asks[i]?.cost ?? 0))
}

/** Policies made by a function are new objects each time. */
function samePolicy(a: Policy, b: Policy | undefined): boolean {
  if (a === b) return true
  return b !== undefined && a.address === b.address && a.quota === b.quota && a.capacity === b.capacity
}
