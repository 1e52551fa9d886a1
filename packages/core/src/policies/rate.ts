import { ConfigError, shown } from '../errors.js'
import { checkOptions, checkWhole } from '../options.js'
import { amountReason, LARGEST_QUOTA, parseAmount, UNITS, type Unit } from './amount.js'

export type { Unit } from './amount.js'

/** What a policy's text says: so many units in so long. */
export interface Rate {
  /** Units in one window, 1 to 10^15 − 1. */
  readonly quota: number
  readonly unit: Unit
  /** Milliseconds, at least 1. */
  readonly windowMs: number
}

/** The same in numbers, for values that come from a configuration. */
export interface RateNumbers {
  /** Units in one window, 1 to 10^15 − 1. */
  readonly quota: number
  /** Whole milliseconds, 1 to 10^13. */
  readonly windowMs: number
  /** Defaults to `'requests'`. */
  readonly unit?: Unit | undefined
}

/** The words for a window. */
export type Duration =
  | ('ms' | 's' | 'sec' | 'second' | 'seconds')
  | ('m' | 'min' | 'minute' | 'minutes' | 'h' | 'hour' | 'hours')
  | ('d' | 'day' | 'days' | 'w' | 'week' | 'weeks')

const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
const WEEK = 7 * DAY

const MS: Readonly<Record<Duration, number>> = {
  ms: 1,
  ...{ s: SECOND, sec: SECOND, second: SECOND, seconds: SECOND },
  ...{ m: MINUTE, min: MINUTE, minute: MINUTE, minutes: MINUTE },
  ...{ h: HOUR, hour: HOUR, hours: HOUR },
  ...{ d: DAY, day: DAY, days: DAY },
  ...{ w: WEEK, week: WEEK, weeks: WEEK },
}

const WINDOW = /^(?<multiple>[1-9]\d{0,5})?(?<duration>[a-z]+)$/

/**
 * Reads an amount and a window, as in `'100/min'`, `'5/15min'`, `'1.5M tokens/day'`, `'20k output tokens/min'`, `'50MB/hour'`,
 * `'$5/day'` or `'600 inference s/hour'`.
 * @throws {ConfigError} saying what was read and what was expected.
 */
export function parseRate(text: string): Rate {
  const [count = '', window = '', ...more] = typeof text === 'string' ? text.split('/') : []
  const parts = WINDOW.exec(window)?.groups
  const duration = parts?.['duration']
  const amount = parseAmount(count)
  if (amount === '' || more.length > 0 || duration === undefined || !isDuration(duration)) {
    throw malformed(text, reasonOf(text))
  }
  if (typeof amount === 'string') throw malformed(text, amount)
  return { ...amount, windowMs: Number(parts?.['multiple'] ?? 1) * MS[duration] }
}

/** About three hundred years. */
const LONGEST_WINDOW_MS = 10 ** 13

/** @throws {ConfigError} on an unknown property, and on numbers that are not whole or out of range. */
export function checkRate(place: string, given: RateNumbers): Rate {
  checkOptions(`${place}()`, given, ['quota', 'windowMs', 'unit'])
  const { quota, windowMs, unit = 'requests' } = given
  if (!UNITS.includes(unit)) throw new ConfigError(`unit: expected ${UNITS.join(', ')}, got ${shown(unit)}.`)
  return {
    quota: checkWhole('quota', quota, 1, LARGEST_QUOTA),
    windowMs: checkWhole('windowMs', windowMs, 1, LONGEST_WINDOW_MS),
    unit,
  }
}

/** Milliseconds of `'90s'`, `'15min'` or `'day'`; `undefined` for any other text. */
export function durationMs(text: string): number | undefined {
  const parts = WINDOW.exec(text)?.groups
  const duration = parts?.['duration'] ?? ''
  return isDuration(duration) ? Number(parts?.['multiple'] ?? 1) * MS[duration] : undefined
}

function isDuration(word: string): word is Duration {
  return Object.hasOwn(MS, word)
}

/** What people write that is nearly a limit. */
function reasonOf(text: unknown): string | undefined {
  if (typeof text !== 'string') return undefined
  const amount = amountReason(text.split('/')[0] ?? '')
  if (amount !== undefined) return amount
  if (/\/\d{7,}[a-z]+$/.test(text)) {
    return "a window's number has at most 6 digits; milliseconds go into slidingWindow({ quota, windowMs })"
  }
  if (/\/\d*(?:mo|months?|y|years?)$/i.test(text))
    return 'months and years differ in length; write 30day or 365day, or quota(…) of @sluice/quota for calendar months'
  return undefined
}

function malformed(text: string, why?: string): ConfigError {
  return new ConfigError(
    `${shown(text)} is not a limit${why === undefined ? '' : ` (${why})`}. ` +
      "Expected COUNT/WINDOW, as in '100/min', '5/15min', '100k tokens/min', '50MB/hour' or '$5/day'; " +
      'windows: ms, s, min, h, day, week.',
  )
}

/** A window as names say it: `1s`, `15min`, `1d`. */
export function windowLabel(windowMs: number): string {
  for (const duration of ['w', 'd', 'h', 'min', 's'] as const) {
    if (windowMs % MS[duration] === 0) return `${windowMs / MS[duration]}${duration}`
  }
  return `${windowMs}ms`
}
