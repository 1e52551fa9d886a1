/**
 * Calendar quotas: a policy for every time zone, to use beside rates.
 * @module @sluice/quota
 */

export type { Anchor, MonthAndDay, Weekday } from './anchor.js'
export { type AnchorOf, type QuotaOptions, quota } from './quota.js'
