import { ConfigError } from '@sluice/core'
import type { Calendar, Period, PeriodUnit } from '@sluice/core/calendar'
import { shown } from '@sluice/core/runtime'
import { type Anchor, checkNoAnchor, dayOfMonthOf, dayOfYearOf, type Weekday, weekdayOf } from './anchor.js'
import { type AnchoredDates, everyDay, everyMonths, everyWeek, everyYear } from './anchored-dates.js'
import { datePeriods } from './date-periods.js'
import { hourPeriods } from './hour-periods.js'
import { timeZoneOf } from './time-zone.js'

export type { Anchor, MonthAndDay, Weekday } from './anchor.js'

export interface CalendarSpec {
  readonly unit: PeriodUnit
  /** An IANA name, in any letter case. */
  readonly timeZone: string
  /**
   * Where periods begin. Month and quarter: the day of the (first) month, which is the last one where the month is shorter; defaults to 1.
   * Week: the weekday; defaults to `'monday'`. Year: month and day; defaults to 1 January.
   */
  readonly anchor?: Anchor | undefined
}

/**
 * The periods of a unit in a time zone.
 * @throws {ConfigError} on an unknown unit or time zone, and on an anchor that the unit does not take.
 * @example
 * calendarOf({ unit: 'month', timeZone: 'Europe/Berlin', anchor: 31 }).periodAt(Date.now())
 */
export function calendarOf({ unit, timeZone, anchor }: CalendarSpec): Calendar {
  const zone = timeZoneOf(timeZone)
  switch (unit) {
    case 'hour':
      checkNoAnchor(unit, anchor)
      return { unit, timeZone: zone, id: `hour-${zone}`, periodAt: remembering(hourPeriods(zone)) }
    case 'day':
      checkNoAnchor(unit, anchor)
      return dated(unit, 'day', zone, everyDay())
    case 'week': {
      const { name, daysAfterMonday } = weekdayOf(anchor)
      return dated(unit, `week-${name}`, zone, everyWeek(daysAfterMonday))
    }
    case 'month':
    case 'quarter': {
      const day = dayOfMonthOf(unit, anchor)
      return dated(unit, `${unit}-${day}`, zone, everyMonths(unit === 'month' ? 1 : 3, day))
    }
    case 'year': {
      const { month, day } = dayOfYearOf(anchor)
      return dated(unit, `year-${month}-${day}`, zone, everyYear(month, day))
    }
    case 'lifetime':
      checkNoAnchor(unit, anchor)
      return { unit, timeZone: 'UTC', id: 'lifetime', periodAt: () => LIFETIME }
    default:
      throw unknownUnit(unit)
  }
}

/** The calendar of this id; `undefined` where the id is of another sort. */
export function calendarById(id: string): Calendar | undefined {
  if (id === 'lifetime') return calendarOf({ unit: 'lifetime', timeZone: 'UTC' })
  const { unit, anchor, zone } = ID.exec(id)?.groups ?? {}
  if (unit === undefined || zone === undefined) return undefined
  return calendarOf({ unit: unit as PeriodUnit, timeZone: zone, anchor: anchorIn(anchor) })
}

const ID =
  /^(?<unit>hour|day|week|month|quarter|year)-(?:(?<anchor>[a-z]+day|\d+(?:-\d+)?)-)?(?<zone>[A-Za-z][\w+/-]*)$/

function anchorIn(text: string | undefined): Anchor | undefined {
  if (text === undefined) return undefined
  const [first = 0, second] = text.split('-').map(Number)
  if (Number.isNaN(first)) return text as Weekday
  return second === undefined ? first : { month: first, day: second }
}

const LIFETIME: Period = { previous: -1, start: 0, end: Number.POSITIVE_INFINITY }

function dated(unit: PeriodUnit, label: string, timeZone: string, dates: AnchoredDates): Calendar {
  return { unit, timeZone, id: `${label}-${timeZone}`, periodAt: remembering(datePeriods(dates, timeZone)) }
}

/** Stores ask for the periods around now: the one before, this, and the two that follow. */
const REMEMBERED = 4

const NEVER: Period = { previous: Number.NaN, start: Number.NaN, end: Number.NaN }

/** Finding a period takes up to a hundred microseconds, and every request asks for one. */
function remembering(find: (now: number) => Period): (now: number) => Period {
  let last = NEVER
  let oldest = 0
  const recent: Period[] = Array.from({ length: REMEMBERED }, () => NEVER)
  return (now) => {
    if (contains(last, now)) return last
    let period = recent.find((one) => contains(one, now))
    if (period === undefined) {
      period = find(now)
      recent[oldest] = period
      oldest = (oldest + 1) % REMEMBERED
    }
    last = period
    return period
  }
}

function contains({ start, end }: Period, now: number): boolean {
  return start <= now && now < end
}

function unknownUnit(unit: never): ConfigError {
  return new ConfigError(
    `unit: expected hour, day, week, month, quarter, year or lifetime, got ${shown(unit)}, as in { unit: 'month' }.`,
  )
}
