import { ConfigError, shown } from '../errors.js'
import { checkOptions, checkWhole } from '../options.js'
import { checkTime, type Time } from '../policies/duration.js'

/** When a key that is denied again and again is shut out, and for how long. */
export interface BanOptions {
  /** So many denials ban a key, 1 to 1,000,000. */
  readonly after: number
  /** Within this time, from the first of them on. */
  readonly within: Time
  /** How long the first ban lasts; each further one lasts twice as long as the one before. */
  readonly for: Time
  /** The longest ban, and how long after the end of one the next counts as a further one; defaults to a day, or `for` if that is longer. */
  readonly max?: Time | undefined
}

/** The options, complete and checked. */
export interface BanTerms {
  readonly after: number
  readonly withinMs: number
  readonly forMs: number
  readonly maxMs: number
}

const DAY_MS = 86_400_000
const LONGEST_MS = 366 * DAY_MS

/** @throws {ConfigError} on options that cannot be right. */
export function checkBan(ban: BanOptions | undefined): BanTerms | undefined {
  if (ban === undefined) return undefined
  checkOptions('ban', ban, ['after', 'within', 'for', 'max'])
  if (ban.after === undefined || ban.within === undefined || ban.for === undefined) {
    throw new ConfigError(
      `ban: needs after, within and for, as in { after: 10, within: '1min', for: '1h', max: '1d' }; got ${shown(Object.keys(ban).join(', '))}.`,
    )
  }
  const forMs = checkTime('ban.for', ban.for, 1_000, LONGEST_MS)
  return {
    after: checkWhole('ban.after', ban.after, 1, 1_000_000),
    withinMs: checkTime('ban.within', ban.within, 1_000, LONGEST_MS),
    forMs,
    maxMs: checkTime('ban.max', ban.max ?? Math.max(DAY_MS, forMs), forMs, LONGEST_MS),
  }
}

/** A ban by hand. */
export interface BanByHand {
  /** How long it lasts; by default until `unban`. */
  readonly for?: Time | undefined
}

/** Milliseconds; `undefined` for one that does not end. */
export function checkBanByHand(options: BanByHand): number | undefined {
  checkOptions('ban()', options, ['for'])
  return options.for === undefined ? undefined : checkTime('for', options.for, 1, 100 * LONGEST_MS)
}
