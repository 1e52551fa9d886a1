import { ConfigError, shown } from './errors.js'

/** What a policy counts. `requests` unless the text says otherwise. */
export type Unit = 'requests' | 'tokens' | 'content-bytes'

/** What a policy's text says: so many units in so long. */
export interface Rate {
  /** Units in one window, 1 to 10^15 − 1. */
  readonly quota: number
  readonly unit: Unit
  /** Milliseconds, at least 1. */
  readonly windowMs: number
}

type Duration =
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

const GRAMMAR =
  /^(?<whole>0|[1-9]\d*)(?:\.(?<decimals>\d+))?(?<suffix>[kM])?(?: (?<unit>requests|tokens|content-bytes))?\/(?<multiple>[1-9]\d{0,5})?(?<duration>[a-z]+)$/

/** Digits that `k` and `M` move the decimal point by. */
const SHIFT = { '': 0, k: 3, M: 6 } as const

/** Quotas have at most 15 digits, as integers in HTTP structured fields do (RFC 9651 §3.3.1). */
const QUOTA_DIGITS = 15

/**
 * Reads `'COUNT[k|M] [UNIT]/[N]WINDOW'`: `'100/min'`, `'5/15min'`, `'1.5M tokens/day'`.
 * @throws {ConfigError} saying what was read and what was expected.
 */
export function parseRate(text: string): Rate {
  const parts = GRAMMAR.exec(text)?.groups
  const duration = parts?.['duration']
  if (parts === undefined || duration === undefined || !isDuration(duration)) throw malformed(text)
  const { whole = '', decimals = '', multiple = '1', unit = 'requests' } = parts
  const shift = SHIFT[(parts['suffix'] ?? '') as keyof typeof SHIFT]
  if (decimals.length > shift)
    throw malformed(text, `a count is a whole number: ${decimals.length} decimals are too many`)
  if (whole.length + shift > QUOTA_DIGITS) throw malformed(text, 'a count is at most 10^15 − 1')
  const quota = Number(whole + decimals.padEnd(shift, '0'))
  if (quota === 0) throw malformed(text, 'a count is at least 1')
  return { quota, unit: unit as Unit, windowMs: Number(multiple) * MS[duration] }
}

function isDuration(word: string): word is Duration {
  return Object.hasOwn(MS, word)
}

function malformed(text: string, why?: string): ConfigError {
  return new ConfigError(
    `${shown(text)} is not a limit${why === undefined ? '' : ` (${why})`}. ` +
      "Expected COUNT/WINDOW, as in '100/min', '5/15min', '1000/day' or '100k tokens/min'; " +
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

/**
 * The text itself when it is a limit (or not known before run time), else a sentence that says what is wrong,
 * which is what the editor then shows. Same verdict as `parseRate` on every string.
 */
export type RateText<T extends string> = string extends T
  ? T
  : T extends `${infer Amount}/${infer Window}`
    ? [IsCount<Count<Amount>>, IsWindow<Window>] extends [true, true]
      ? T
      : NotALimit<T>
    : NotALimit<T>

type NotALimit<T extends string> =
  `'${T}' is not a limit. Expected COUNT/WINDOW, as in '100/min', '5/15min', '1000/day' or '100k tokens/min'.`

type Count<Amount extends string> = Amount extends `${infer Number} ${Unit}` ? Number : Amount

type IsCount<T extends string> = T extends `${infer Number}k`
  ? IsDecimal<Number, 12, 3>
  : T extends `${infer Number}M`
    ? IsDecimal<Number, 9, 6>
    : IsWhole<T, 15>

/** A number with at most so many digits before the point and behind it, and not nought. */
type IsDecimal<T extends string, Whole extends number, Decimals extends number> = T extends `${infer W}.${infer D}`
  ? W extends '0'
    ? D extends ''
      ? false
      : IsDigits<D, Decimals> extends true
        ? IsNought<D> extends true
          ? false
          : true
        : false
    : D extends ''
      ? false
      : [IsWhole<W, Whole>, IsDigits<D, Decimals>] extends [true, true]
        ? true
        : false
  : IsWhole<T, Whole>

type IsWindow<T extends string> = T extends Duration
  ? true
  : T extends `${infer First extends Digit}${infer Rest}`
    ? First extends '0'
      ? false
      : WithoutDigits<Rest, 5> extends Duration
        ? true
        : false
    : false

type Digit = '0' | '1' | '2' | '3' | '4' | '5' | '6' | '7' | '8' | '9'

/** No leading nought, so not nought either. */
type IsWhole<T extends string, Most extends number> = T extends '' | `0${string}` ? false : IsDigits<T, Most>

type IsNought<T extends string> = T extends '' ? true : T extends `0${infer Rest}` ? IsNought<Rest> : false

type IsDigits<T extends string, Most extends number, Seen extends unknown[] = []> = T extends ''
  ? true
  : Seen['length'] extends Most
    ? false
    : T extends `${Digit}${infer Rest}`
      ? IsDigits<Rest, Most, [...Seen, unknown]>
      : false

/** What follows at most so many digits. */
type WithoutDigits<T extends string, Most extends number, Seen extends unknown[] = []> = Seen['length'] extends Most
  ? T
  : T extends `${Digit}${infer Rest}`
    ? WithoutDigits<Rest, Most, [...Seen, unknown]>
    : T
