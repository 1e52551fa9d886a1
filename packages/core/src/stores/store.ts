import type { Ask, Return } from '../decisions/ask.js'
import type { Standing } from '../decisions/standing.js'
import type { Policy } from '../policies/policy.js'

/**
 * Where buckets live. A store decides: `consume` takes what every ask asks for, or nothing at all, in one atomic step.
 * Shadow policies are looked at like the others but never stop a take, and take only what they would have let pass.
 */
export interface Store {
  /**
   * One standing per ask, in their order.
   * @throws {RangeError} where two asks name the same bucket, since both could not be counted; also as a rejection.
   */
  consume(asks: readonly Ask[]): readonly Standing[] | Promise<readonly Standing[]>
  /** What `consume` would answer; takes nothing. */
  peek(asks: readonly Ask[]): readonly Standing[] | Promise<readonly Standing[]>
  /**
   * Gives units back, never more than is still owed. A rejection means that nothing was given back, unless it is a
   * `StoreError` that is `uncertain`: then it is not tried again.
   */
  refund(returns: readonly Return[]): void | Promise<void>
  /** Forgets these keys under these policies. */
  reset(policies: readonly Policy[], keys: readonly string[]): void | Promise<void>
  /** Forgets every key of these policies; everything, where none are named. */
  clear(policies?: readonly Policy[]): void | Promise<void>
  close(): void | Promise<void>
  /** Where it is, without secrets: for sentences to people. */
  readonly url?: string
  /** What stands before every bucket's name there, where something else than usual does. */
  readonly prefix?: string | undefined
  /** The most buckets that it holds at a time, where that is bounded. */
  readonly maxKeys?: number
  /** Names the part of the store that holds a key, where parts can fail apart, as a cluster's nodes do. */
  partOf?(key: string): string
}

/** A store in this process, which answers at once. */
export interface SyncStore extends Store {
  consume(asks: readonly Ask[]): readonly Standing[]
  peek(asks: readonly Ask[]): readonly Standing[]
  refund(returns: readonly Return[]): void
  reset(policies: readonly Policy[], keys: readonly string[]): void
  clear(policies?: readonly Policy[]): void
  close(): void
}

/**
 * What a store of kind `S` makes of an answer `T`: the answer itself from one in this process; from any other a promise
 * of it, or itself where it need not be asked: a denial that is remembered, a store that is known not to answer.
 */
export type Answer<S extends Store, T> = S extends SyncStore ? T : T | Promise<T>
