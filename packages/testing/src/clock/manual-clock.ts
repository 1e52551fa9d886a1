import { ConfigError, type Time } from '@sluice/core'
import { checkTime, checkWhole } from '@sluice/core/runtime'

/** A clock that a test moves. Calling it returns the time in whole milliseconds. */
export interface ManualClock {
  (): number
  /**
   * Moves the clock forward.
   * @param time Milliseconds, or a text such as `'61s'`, `'15min'` or `'1d'`.
   * @throws {ConfigError} on a time that is not a whole number of milliseconds ≥ 0.
   */
  advance(time: Time): void
}

/** The largest time that a Date can hold. */
const LATEST_MS = 8.64e15

/**
 * A clock for `memoryStore({ clock })` and `mockApi({ clock })`, which moves only when the test moves it.
 * @param start Milliseconds. Defaults to 0. For calendar quotas, Unix milliseconds.
 * @example
 * const clock = manualClock()
 * const limit = sluice({ store: memoryStore({ clock }) })
 * clock.advance('61s')
 * @throws {ConfigError} unless `start` is a whole number of milliseconds ≥ 0.
 */
export function manualClock(start = 0): ManualClock {
  let now = checkWhole('manualClock()', start, 0, LATEST_MS)
  const advance = (time: Time): void => {
    const ms = checkTime('advance()', time, 0, LATEST_MS)
    if (now + ms > LATEST_MS) throw new ConfigError('advance(): the clock would be later than a Date can be.')
    now += ms
  }
  return Object.assign(() => now, { advance })
}
