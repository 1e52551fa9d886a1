import type { Policy } from '@sluice/core'
import {
  type CalendarQuotaOptions,
  calendarQuota,
  parseQuota,
  type QuotaText,
  restoreCalendars,
} from '@sluice/core/calendar'
import { checkOptions } from '@sluice/core/runtime'
import type { Anchor, MonthAndDay, Weekday } from './anchor.js'
import { calendarById, calendarOf } from './calendar.js'

/** Where the periods of such a text may begin. */
export type AnchorOf<T extends string> = T extends `${string}/week`
  ? Weekday
  : T extends `${string}/${'month' | 'quarter'}`
    ? number
    : T extends `${string}/year`
      ? MonthAndDay
      : string extends T
        ? Anchor
        : never

export interface QuotaOptions<T extends string = string> extends CalendarQuotaOptions {
  /** An IANA name, such as `'Europe/Berlin'`. Defaults to `'UTC'`. */
  readonly timeZone?: string | undefined
  /**
   * Where periods begin. Of months and quarters the day, 1 to 31, or the last of a shorter month; of weeks the weekday; of years
   * `{ month, day }`. Defaults to the first of the month, Monday, and 1 January.
   */
  readonly anchor?: AnchorOf<T> | undefined
}

const OPTIONS = ['timeZone', 'anchor', 'soft', 'overage', 'rollover', 'history', 'name']

/**
 * So much in each calendar period: an `hour`, `day`, `week`, `month`, `quarter` or `year` of a time zone, or a `lifetime`, which never ends.
 * A policy like any other, alone or beside rates.
 * @example limit(['10/s', quota('10k/month', { timeZone: 'Europe/Berlin', anchor: 15 })])
 * @throws {ConfigError} on a malformed text and on options that cannot be right.
 */
export function quota<const T extends string>(text: QuotaText<T>, options: QuotaOptions<T> = {}): Policy {
  const rate = parseQuota(text)
  checkOptions(`quota('${text}')`, options, OPTIONS)
  const { timeZone = 'UTC', anchor, ...others } = options
  const calendar = calendarOf({ unit: rate.period, timeZone, anchor })
  restoreCalendars(calendarById)
  return calendarQuota(rate, calendar, others)
}
