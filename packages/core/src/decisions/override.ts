import type { StoredPolicy } from '../policies/stored-policy.js'

/** What holds for a key in place of its limit's policies. */
export interface Override {
  /** The key; one that ends in `*` stands for all that begin so. */
  readonly key: string
  readonly to: 'unlimited' | 'blocked' | readonly StoredPolicy[]
  /** Unix milliseconds; `null` where it does not expire. */
  readonly expiresAt: number | null
  /** For people. */
  readonly reason: string
}
