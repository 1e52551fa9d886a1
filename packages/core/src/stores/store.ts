import type { Ask, GivenBack, Return } from '../decisions/ask.js'
import type { Edit, Once, OnceAnswer } from '../decisions/edit.js'
import type { Renewal } from '../decisions/lease.js'
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
  /**
   * `consume`, once for each id: a take with an id that was counted takes nothing, and is answered as the first was. A
   * denial is not remembered. All asks have one key.
   */
  consumeOnce(asks: readonly Ask[], once: Once): OnceAnswer<Standing> | Promise<OnceAnswer<Standing>>
  /** What `consume` would answer; takes nothing. */
  peek(asks: readonly Ask[]): readonly Standing[] | Promise<readonly Standing[]>
  /**
   * Changes a calendar quota's bucket, or tells its past: `grant` and `revoke` answer with 1 where it was done, 0 where
   * there was nothing to do, −1 where there is no room; `past` with (start, units) pairs, the latest first.
   */
  edit(change: Edit): readonly number[] | Promise<readonly number[]>
  /**
   * Gives units back, never more than is still owed; with `once`, all that it counted, so that its id may count again. A rejection means that nothing was given back, unless it is a
   * `StoreError` that is `uncertain`: then it is not tried again.
   */
  refund(returns: readonly Return[], once?: Once): GivenBack | Promise<GivenBack>
  /** Lets leases be held for longer, all at once; answers with whether each is. */
  renew(renewals: readonly Renewal[]): readonly boolean[] | Promise<readonly boolean[]>
  /** The texts that all processes share, where they have changed since that version. */
  readTexts(known: string): Texts | Promise<Texts>
  /** Keeps a text under its name until it expires, or removes it where there is none. `false`: there are too many of its kind. */
  writeText(entry: TextEntry): boolean | Promise<boolean>
  /** Adds to tables of counts, all in one call: the past, for whoever shows it. A store without it keeps none. */
  addCounts?(additions: readonly Counts[]): void | Promise<void>
  /** What these tables have, by row; nothing of one that has expired. */
  readCounts?(
    tables: readonly string[],
  ): readonly ReadonlyMap<string, number>[] | Promise<readonly ReadonlyMap<string, number>[]>
  /** Forgets these keys under these policies, and the ids that they have counted in this scope. */
  reset(policies: readonly Policy[], keys: readonly string[], scope?: string): void | Promise<void>
  /** Forgets every key of these policies; everything, where none are named. */
  clear(policies?: readonly Policy[]): void | Promise<void>
  close(): void | Promise<void>
  /** Where it is, without secrets: for sentences to people. */
  readonly url?: string
  /** What stands before every bucket's name there, where something else than usual does. */
  readonly prefix?: string | undefined
  /** The most buckets that it holds at a time, where that is bounded. */
  readonly maxKeys?: number
  /** The version of the texts, of a store that knows it without being asked. */
  readonly textsVersion?: string
  /** What it counts of itself, for whoever observes it. */
  stats?(): StoreStats
  /** A key as the store shows it, where it hides keys. */
  masked?(key: string): string
  /** Names the part of the store that holds a key, where parts can fail apart, as a cluster's nodes do. */
  partOf?(key: string): string
}

/** What is added to a table. */
export interface Counts {
  readonly table: string
  /** Milliseconds until the table is forgotten, from now on. */
  readonly keepMs: number
  /** Rows of the table at the most, or a few more: a further one is not added. */
  readonly most: number
  /** Whole numbers by row. */
  readonly rows: ReadonlyMap<string, number>
}

/** What a store counts of itself: numbers since it was made, but for those that say how much there is now. */
export interface StoreStats {
  /** Buckets that it holds now, of a store in this process. */
  readonly buckets?: number | undefined
  /** Buckets that were dropped for want of room. */
  readonly evictions?: number | undefined
  /** Denials that were answered from memory, without a round trip. */
  readonly rememberedDenials?: number | undefined
  /** Calls to the server: each carries the decisions of a batch. */
  readonly roundTrips?: number | undefined
}

/** Small texts by name, such as overrides, and their version; `undefined` where it is the one that was known. */
export interface Texts {
  readonly version: string
  /** `undefined` in a map for a text that was removed. */
  readonly texts: ReadonlyMap<string, string | undefined> | undefined
  /** Whether these are only the texts that have changed since. */
  readonly isPartial?: boolean | undefined
}

export interface TextEntry {
  /** Texts of a kind are bounded in number, so that neither takes the other's room. */
  readonly kind: 'override' | 'ban'
  /** Of both kinds, no two have the same. */
  readonly name: string
  readonly text: string | undefined
  /** Unix milliseconds; `Infinity` where it does not expire. */
  readonly expiresAt: number
  /** Until when it holds, in Unix milliseconds: a text of this name that holds as long, or longer, is left alone. */
  readonly holdsUntil?: number | undefined
}

/** A store in this process, which answers at once. */
export interface SyncStore extends Store {
  consume(asks: readonly Ask[]): readonly Standing[]
  consumeOnce(asks: readonly Ask[], once: Once): OnceAnswer<Standing>
  peek(asks: readonly Ask[]): readonly Standing[]
  edit(change: Edit): readonly number[]
  renew(renewals: readonly Renewal[]): readonly boolean[]
  addCounts(additions: readonly Counts[]): void
  readCounts(tables: readonly string[]): readonly ReadonlyMap<string, number>[]
  readTexts(known: string): Texts
  writeText(entry: TextEntry): boolean
  refund(returns: readonly Return[], once?: Once): GivenBack
  reset(policies: readonly Policy[], keys: readonly string[], scope?: string): void
  clear(policies?: readonly Policy[]): void
  close(): void
}

/**
 * What a store of kind `S` makes of an answer `T`: the answer itself from one in this process; from any other a promise
 * of it, or itself where it need not be asked: a denial that is remembered, a store that is known not to answer.
 */
export type Answer<S extends Store, T> = S extends SyncStore ? T : T | Promise<T>
