/**
 * Quotas over calendars: what `@sluice/quota` is made of, for calendars of your own.
 * @module @sluice/core/calendar
 */

export { type Amount, LARGEST_QUOTA } from '../policies/amount.js'
export type { Calendar, Period, PeriodUnit } from '../policies/calendar.js'
export {
  type CalendarQuotaOptions,
  calendarQuota,
  PERIOD_UNITS,
  parseQuota,
  type QuotaRate,
} from '../policies/calendar-quota.js'
export type { QuotaText } from '../policies/rate-text.js'
export { restoreCalendars } from '../policies/stored-policy.js'
