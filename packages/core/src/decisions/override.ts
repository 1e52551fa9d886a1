import type { StoredPolicy } from '../policies/stored-policy.js'

/** What holds for a key in place of its limit's policies. */
export interface Override {
  /** The key; one that ends in `*` stands for all that begin so. */
  readonly key: string
  readonly to: 'unlimited' | 'blocked' | 'banned' | readonly StoredPolicy[]
  /** Unix milliseconds; `null` where it does not expire. */
  readonly expiresAt: number | null
  /** For people. */
  readonly reason: string
  /** Of a ban: how often the key has been banned in a row; the next lasts longer. */
  readonly times?: number | undefined
}

/** Whether nothing of a key is let in, whatever the policies say. */
export function isShutOut(override: Override | undefined): override is Override {
  return override?.to === 'blocked' || override?.to === 'banned'
}

/** A key that is shut out. */
export interface Ban {
  readonly key: string
  /** Unix milliseconds; `null` for one that lasts until `unban`. */
  readonly until: number | null
  /** How often the key has been banned in a row, by too many denials; 0 for one by hand. */
  readonly times: number
}
