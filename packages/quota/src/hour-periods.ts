import type { Period } from '@sluice/core/calendar'
import { Temporal } from './temporal.js'

const HOUR_MS = 3_600_000

/**
 * Finds the hours of a time zone. They begin where its wall clock shows a full hour, and nowhere else:
 * an hour that daylight saving time repeats is two periods, one that it skips is none, and where clocks move by half an hour
 * (Lord Howe), or in the middle of an hour, a period lasts from a few minutes to nearly two hours.
 */
export function hourPeriods(timeZone: string): (now: number) => Period {
  const clock = wallClock(timeZone)
  return (now) => {
    const start = startOfHour(Math.floor(now), clock)
    return { start, end: endOfHour(start, clock), previous: startOfHour(start - 1, clock) }
  }
}

/** How far the local time is ahead of UTC at an instant, in milliseconds. */
type WallClock = (instant: number) => number

function wallClock(timeZone: string): WallClock {
  return (instant) =>
    Temporal.Instant.fromEpochMilliseconds(instant).toZonedDateTimeISO(timeZone).offsetNanoseconds / 1e6
}

/** The last full hour at or before an instant. No zone changes its offset twice within two hours. */
function startOfHour(instant: number, clock: WallClock): number {
  const start = instant - pastHour(instant, clock(instant))
  if (isFullHour(start, clock)) return start
  // The offset changed since: the last full hour was one by the offset before.
  const earlier = instant - pastHour(instant, clock(start))
  return isFullHour(earlier, clock) ? earlier : earlier - HOUR_MS
}

/** The full hour that follows one. It is one by the offset an hour later, whether that is the same or a new one. */
function endOfHour(start: number, clock: WallClock): number {
  const end = start + HOUR_MS - pastHour(start, clock(start + HOUR_MS))
  return isFullHour(end, clock) ? end : end + HOUR_MS
}

function isFullHour(instant: number, clock: WallClock): boolean {
  return pastHour(instant, clock(instant)) === 0
}

/** Milliseconds since the last full hour of a clock with this offset; instants before 1970 are negative. */
function pastHour(instant: number, offset: number): number {
  const past = (instant + offset) % HOUR_MS
  return past < 0 ? past + HOUR_MS : past
}
