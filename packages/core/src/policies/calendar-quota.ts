import { ConfigError, describe, shown } from '../errors.js'
import { checkName, checkOptions, checkWhole } from '../options.js'
import { type Amount, amountReason, LARGEST_QUOTA, parseAmount } from './amount.js'
import type { Calendar, KnownPeriod, Period, PeriodUnit } from './calendar.js'
import type { PolicyOptions } from './constructors.js'
import { newPolicy, type Policy } from './policy.js'

/** What a quota has beside its amount and its calendar. */
export interface CalendarQuotaOptions extends PolicyOptions {
  /** Never denies: what is over the quota is counted, and reported. Defaults to `false`. */
  readonly soft?: boolean | undefined
  /** Units beyond the quota that still pass, and are reported as over; a whole number ≥ 0. Defaults to 0. */
  readonly overage?: number | undefined
  /** The most units that a period leaves unused to the next one; a whole number ≥ 0. Defaults to 0. */
  readonly rollover?: number | undefined
  /** Past periods whose totals are kept, 0 to 60. Defaults to 12. With 0, a bucket is gone when its period ends. */
  readonly history?: number | undefined
}

/** An amount, and how long the period is in which it may be used. */
export interface QuotaRate extends Amount {
  readonly period: PeriodUnit
}

const DAY_MS = 86_400_000

/** How long each usually lasts: for names, and wherever a rough length will do. */
const USUAL_MS: Readonly<Record<PeriodUnit, number>> = {
  hour: DAY_MS / 24,
  day: DAY_MS,
  week: 7 * DAY_MS,
  month: 30 * DAY_MS,
  quarter: 91 * DAY_MS,
  year: 365 * DAY_MS,
  lifetime: Number.POSITIVE_INFINITY,
}

/** Every period's name, from the shortest to the longest. */
export const PERIOD_UNITS: readonly PeriodUnit[] = Object.keys(USUAL_MS) as PeriodUnit[]

/**
 * Reads an amount and a period: `'10k/month'`, `'5M tokens/quarter'`, `'$50/month'`, `'3/lifetime'`.
 * @throws {ConfigError} saying what was read and what was expected.
 */
export function parseQuota(text: string): QuotaRate {
  const [count = '', period = '', ...more] = typeof text === 'string' ? text.split('/') : []
  const amount = parseAmount(count)
  const unit = PERIOD_UNITS.find((one) => one === period)
  if (typeof amount === 'string' || unit === undefined || more.length > 0) {
    throw malformed(
      text,
      typeof amount === 'string' && amount !== '' ? amount : (amountReason(count) ?? reasonOf(period)),
    )
  }
  return { ...amount, period: unit }
}

/**
 * A quota over the periods of a calendar of your own; `quota` of `@sluice/quota` brings calendars of every time zone.
 * @throws {ConfigError} on options that cannot be right.
 */
export function calendarQuota(rate: Amount, calendar: Calendar, options: CalendarQuotaOptions = {}): Policy {
  checkOptions('quota()', options, ['name', 'soft', 'overage', 'rollover', 'history'])
  const { soft = false, overage = 0, rollover = 0, history = calendar.unit === 'lifetime' ? 0 : 12 } = options
  if (typeof soft !== 'boolean') throw new ConfigError(`soft: expected true or false, got ${shown(soft)}.`)
  checkWhole('overage', overage, 0, LARGEST_QUOTA)
  if (soft && overage > 0) {
    throw new ConfigError('overage: a soft quota lets everything pass. Leave out soft, to deny beyond the overage.')
  }
  if (!/^[\w+/-]{1,80}$/.test(calendar.id)) {
    throw new ConfigError(`A calendar's id has up to 80 letters, digits and _+-/ , got ${shown(calendar.id)}.`)
  }
  if (calendar.unit === 'lifetime' && (rollover > 0 || history > 0)) {
    throw new ConfigError('rollover, history: a quota for a lifetime has one period only, so none is left behind.')
  }
  return newPolicy({
    name: options.name === undefined ? '' : checkName(options.name),
    algorithm: 'quota',
    quota: rate.quota,
    unit: rate.unit,
    windowMs: USUAL_MS[calendar.unit],
    capacity: soft ? Number.MAX_SAFE_INTEGER : rate.quota + overage,
    burst: rate.quota,
    subWindows: 0,
    calendar: checked(calendar),
    lease: undefined,
    soft,
    overage,
    rollover: checkWhole('rollover', rollover, 0, LARGEST_QUOTA),
    history: checkWhole('history', history, 0, 60),
  })
}

/** A calendar whose periods are what they should be, and which is asked once for each. */
function checked(calendar: Calendar): Calendar {
  const { unit, timeZone, id } = calendar
  let last: KnownPeriod = { start: 0, end: 0, previous: 0, next: 0 }
  const periodAt = (now: number): KnownPeriod => {
    if (now >= last.start && now < last.end) return last
    const { start, end, previous } = checkedPeriod(calendar, now)
    last = { start, end, previous, next: end === Number.POSITIVE_INFINITY ? end : checkedPeriod(calendar, end).end }
    return last
  }
  // The first look may cost milliseconds: at start-up, no request waits for it.
  periodAt(Date.now())
  return { unit, timeZone, id, periodAt }
}

/** @throws {ConfigError} where the calendar throws, or answers with what is no period around that time. */
function checkedPeriod(calendar: Calendar, now: number): Period {
  let period: Period
  try {
    period = calendar.periodAt(now)
  } catch (error) {
    throw new ConfigError(`The calendar "${calendar.id}" failed at ${now}: ${describe(error)}`)
  }
  const { start, end, previous } = period ?? {}
  if (Number.isSafeInteger(start) && Number.isSafeInteger(previous) && previous < start && start <= now && now < end) {
    if (Number.isSafeInteger(end) || end === Number.POSITIVE_INFINITY) return period
  }
  throw new ConfigError(
    `The calendar "${calendar.id}" says that ${now} is between ${start} and ${end}, after a period from ${previous} on. ` +
      'Expected whole milliseconds with previous < start ≤ now < end.',
  )
}

/** What people write that is nearly a period. */
function reasonOf(period: string): string | undefined {
  if (/^\d/.test(period)) return 'a period is one hour, day, week, month, quarter or year'
  const singular = PERIOD_UNITS.find((unit) => period === `${unit}s`)
  return singular === undefined ? undefined : `write ${singular}`
}

function malformed(text: unknown, why: string | undefined): ConfigError {
  return new ConfigError(
    `${shown(text)} is not a quota${why === undefined ? '' : ` (${why})`}. ` +
      "Expected COUNT/PERIOD, as in '10k/month', '5M tokens/day', '$50/month' or '3/lifetime'; " +
      `periods: ${PERIOD_UNITS.join(', ')}.`,
  )
}
