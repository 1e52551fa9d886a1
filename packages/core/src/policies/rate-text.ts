import type { UnitWord } from './amount.js'
import type { PeriodUnit } from './calendar.js'
import type { Duration } from './rate.js'

/**
 * The text itself when it is a limit, otherwise a sentence that says what is wrong, which is what the editor shows.
 * Gives the same verdict as `parseRate` on every literal. A text that is only known at run time (`string`,
 * `${number}/min`) is accepted and checked at start-up: as the key of a Record it is an index signature, not a property.
 */
export type RateText<T extends string> =
  Record<never, 1> extends Record<T, 1>
    ? T
    : T extends `${infer Amount}/${infer Window}`
      ? [IsAmount<Amount>, IsWindow<Window>] extends [true, true]
        ? T
        : NotALimit<T>
      : NotALimit<T>

type NotALimit<T extends string> =
  `'${T}' is not a limit. Expected COUNT/WINDOW, as in '100/min', '5/15min', '100k tokens/min', '50MB/hour' or '$5/day'.`

/** The text itself when it is a quota, as `parseQuota` reads it; otherwise a sentence that says what is wrong. */
export type QuotaText<T extends string> =
  Record<never, 1> extends Record<T, 1>
    ? T
    : T extends `${infer Amount}/${PeriodUnit}`
      ? IsAmount<Amount> extends true
        ? T
        : NotAQuota<T>
      : NotAQuota<T>

type NotAQuota<T extends string> =
  `'${T}' is not a quota. Expected COUNT/PERIOD, as in '10k/month', '5M tokens/day', '$50/month' or '3/lifetime'.`

/** Whether what stands before the slash is an amount: of dollars, of seconds of inference, or of anything else. */
type IsAmount<Amount extends string> = Amount extends `$${infer Dollars}`
  ? IsFine<Dollars, 9, 6>
  : Amount extends `${infer Seconds} inference s`
    ? IsFine<Seconds, 12, 3>
    : IsCount<Count<Amount>>

/** A number that is counted in smaller units: so many digits before the point and behind it, fewer and more with a suffix. */
type IsFine<T extends string, Whole extends 9 | 12, Decimals extends 3 | 6> = T extends `${infer Number}k`
  ? IsDecimal<Number, Less<Whole>, More<Decimals>>
  : T extends `${infer Number}M`
    ? IsDecimal<Number, Less<Less<Whole>>, More<More<Decimals>>>
    : IsDecimal<T, Whole, Decimals>

type Less<Digits extends number> = Digits extends 12 ? 9 : Digits extends 9 ? 6 : 3
type More<Digits extends number> = Digits extends 3 ? 6 : Digits extends 6 ? 9 : 12

/** What stands before the unit; where that has been taken off, no bytes may follow. */
type Count<Amount extends string> = Amount extends `${infer Number} ${infer Word}`
  ? Word extends UnitWord
    ? Number extends `${string}B`
      ? ''
      : Number
    : ''
  : Amount

type IsCount<T extends string> = T extends `${infer Number}GB`
  ? IsDecimal<Number, 6, 9>
  : T extends `${infer Number}MB`
    ? IsDecimal<Number, 9, 6>
    : T extends `${infer Number}kB`
      ? IsDecimal<Number, 12, 3>
      : T extends `${infer Number}B`
        ? IsWhole<Number, 15>
        : IsPlainCount<T>

type IsPlainCount<T extends string> = T extends `${infer Number}k`
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
