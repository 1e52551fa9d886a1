import { ConfigError, shown } from '../errors.js'
import { checkWhole } from '../options.js'
import { type Duration, durationMs } from './rate.js'

/** A time: whole milliseconds, or a text such as `'90s'`, `'15min'`, `'1h'` or `'1d'`. */
export type Time = number | Duration | `${number}${Duration}`

/** @throws {ConfigError} unless it is a time between these, in milliseconds. */
export function checkTime(option: string, given: Time, least: number, most: number): number {
  const ms = typeof given === 'string' ? durationMs(given) : given
  if (ms === undefined) {
    throw new ConfigError(
      `${option}: expected a time such as '15min', '1h' or 90_000 (milliseconds), got ${shown(given)}.`,
    )
  }
  return checkWhole(option, ms, least, most)
}
