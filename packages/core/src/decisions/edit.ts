import type { Ask } from './ask.js'

/** An id, as two numbers: whoever keeps a bucket's numbers can keep it with them. */
export type IdNumbers = readonly [number, number]

/** A change to a quota's bucket that is no take, or a look at what it remembers. `cost` is the units of a grant. */
export interface Edit extends Ask {
  readonly verb: 'grant' | 'revoke' | 'past'
  readonly id: IdNumbers
  /** Unix milliseconds; `Infinity` for a grant that does not expire. */
  readonly expiresAt: number
}

/** Counts an id once: a take under the same scope, key and id, within `keepMs`, is answered as the first was. */
export interface Once {
  readonly scope: string
  readonly id: string
  readonly keepMs: number
}

/** What a take with an id was answered, and whether it was counted before. */
export interface OnceAnswer<S> {
  readonly standings: readonly S[]
  readonly repeated: boolean
}

/** The total of a period that is over. Times are Unix milliseconds. */
export interface PastPeriod {
  readonly start: number
  readonly end: number
  readonly used: number
}
