import { ConfigError } from '@sluice/core'
import { shown } from '@sluice/core/runtime'

const WEEKDAYS = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'] as const

export type Weekday = (typeof WEEKDAYS)[number]

/** A day of the year. */
export interface MonthAndDay {
  /** 1 to 12. */
  readonly month: number
  /** 1 to 31; 29 February is 28 February in common years. */
  readonly day: number
}

/** Where periods begin: a day of the month, a weekday, or a day of the year. */
export type Anchor = number | Weekday | MonthAndDay

/** @throws {ConfigError} when there is an anchor: hours, days and a lifetime begin where they begin. */
export function checkNoAnchor(unit: string, anchor: Anchor | undefined): void {
  if (anchor === undefined) return
  throw new ConfigError(
    `anchor: the unit '${unit}' takes none, got ${shown(anchor)}. ` +
      "Leave it out, or choose a unit that takes one, as in { unit: 'month', anchor: 15 }.",
  )
}

/** The weekday that weeks begin on, as days after Monday, and its name; Monday by default. */
export function weekdayOf(anchor: Anchor = 'monday'): { readonly name: Weekday; readonly daysAfterMonday: number } {
  const names: readonly Anchor[] = WEEKDAYS
  const daysAfterMonday = names.indexOf(anchor)
  const name = WEEKDAYS[daysAfterMonday]
  if (name !== undefined) return { name, daysAfterMonday }
  throw new ConfigError(
    `anchor: expected a weekday in lower case for the unit 'week', such as 'monday', got ${shown(anchor)}.`,
  )
}

/** The day of the month that months and quarters begin on; the first by default. */
export function dayOfMonthOf(unit: string, anchor: Anchor = 1): number {
  if (isWhole(anchor, 31)) return anchor
  throw new ConfigError(
    `anchor: expected a whole number from 1 to 31 for the unit '${unit}', such as 15, got ${shown(anchor)}.`,
  )
}

/** In a leap year. */
const DAYS_IN_MONTH: readonly number[] = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]

/** The day that years begin on; 1 January by default. */
export function dayOfYearOf(anchor: Anchor = { month: 1, day: 1 }): MonthAndDay {
  const { month, day } = isMonthAndDay(anchor) ? anchor : { month: undefined, day: undefined }
  if (isWhole(month, 12) && isWhole(day, DAYS_IN_MONTH[month - 1] ?? 0)) return { month, day }
  const got = isMonthAndDay(anchor) ? `{ month: ${shown(month)}, day: ${shown(day)} }` : shown(anchor)
  throw new ConfigError(
    `anchor: expected a month and a day that it has for the unit 'year', such as { month: 4, day: 6 }, got ${got}.`,
  )
}

function isMonthAndDay(anchor: Anchor): anchor is MonthAndDay {
  return typeof anchor === 'object' && anchor !== null && 'month' in anchor && 'day' in anchor
}

function isWhole(value: unknown, most: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= most
}
