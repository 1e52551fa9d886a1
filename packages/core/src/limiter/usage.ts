import type { Decision } from '../decisions/decision.js'
import type { PastPeriod } from '../decisions/edit.js'
import type { Standing } from '../decisions/standing.js'
import type { Unit } from '../policies/amount.js'
import type { Calendar } from '../policies/calendar.js'

/** How much of a policy is used. Times are milliseconds; those of periods since 1970. */
export interface Usage {
  readonly quota: number
  readonly unit: Unit
  /** Units in use: of a calendar quota, those of its period. */
  readonly used: number
  readonly remaining: number
  /** Units of grants that are left, or were used in this period. */
  readonly granted: number
  /** Units that the period before passed on. */
  readonly rolledOver: number
  /** Units beyond the quota and what was added to it. */
  readonly over: number
  /** `undefined` where the policy has no calendar. `end` is `Infinity` for a lifetime. */
  readonly period: { readonly start: number; readonly end: number } | undefined
  /** Until it is fresh again if no other units are taken; `Infinity` for a lifetime. */
  readonly resetAfterMs: number
}

/** By the name of each policy that is enforced. */
export type UsageByPolicy = Readonly<Record<string, Usage>>

/** The totals of past periods, the latest first, by the name of each calendar quota. */
export type HistoryByPolicy = Readonly<Record<string, readonly PastPeriod[]>>

export function usageOf({ standings }: Decision): UsageByPolicy {
  const enforced = standings.filter(({ policy }) => !policy.shadow)
  return Object.fromEntries(enforced.map((standing) => [standing.policy.name, usage(standing)]))
}

function usage({ policy, used, remaining, period, resetAfterMs }: Standing): Usage {
  const { granted = 0, rolledOver = 0, over = 0 } = period ?? {}
  return {
    quota: policy.quota,
    unit: policy.unit,
    used,
    remaining,
    granted,
    rolledOver,
    over,
    period: period === undefined ? undefined : { start: period.start, end: period.end },
    resetAfterMs,
  }
}

/** Periods of (start, units) pairs, as a store answers with them. */
export function pastPeriods(calendar: Calendar, pairs: readonly number[], most: number): readonly PastPeriod[] {
  return Array.from({ length: Math.min(most, pairs.length / 2) }, (_, i) => {
    const start = pairs[2 * i] ?? 0
    return { start, end: calendar.periodAt(start).end, used: pairs[2 * i + 1] ?? 0 }
  })
}
