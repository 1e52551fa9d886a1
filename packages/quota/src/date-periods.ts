import type { Period } from '@sluice/core/calendar'
import type { AnchoredDates } from './anchored-dates.js'
import { Temporal } from './temporal.js'

/**
 * Finds the periods that begin with the first instant of given dates in a time zone.
 * That is midnight, or what the clock shows first where midnight is skipped; where a whole date is skipped, the start of the next one.
 */
export function datePeriods(dates: AnchoredDates, timeZone: string): (now: number) => Period {
  const startOf = (number: number) => dates.dateOf(number).toZonedDateTime(timeZone).epochMilliseconds

  return (now) => {
    let number = dates.numberAt(localDate(now, timeZone))
    let start = startOf(number)
    let end = startOf(number + 1)
    // Clocks set back over midnight show the old date once more. Its successor has begun, and goes on.
    while (end <= now) {
      number += 1
      start = end
      end = startOf(number + 1)
    }
    // A skipped day is no period: it starts when the next one does.
    let before = number - 1
    while (startOf(before) === start) before -= 1
    return { start, end, previous: startOf(before) }
  }
}

function localDate(now: number, timeZone: string): Temporal.PlainDate {
  return Temporal.Instant.fromEpochMilliseconds(Math.floor(now)).toZonedDateTimeISO(timeZone).toPlainDate()
}
