import type { Period } from '@sluice/core/calendar'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type CalendarSpec, calendarOf, type Weekday } from './calendar.js'

/** `Intl.DateTimeFormat` is the other calendar: it shares no code with Temporal's, and is asked for wall clocks only. */
const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
const FIRST = Date.UTC(2007, 0)
const LAST = Date.UTC(2017, 0)

const ZONES = Intl.supportedValuesOf('timeZone')
const WEEKDAYS: readonly Weekday[] = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday']

/** What the clock shows at an instant, as if that were UTC. */
type Clock = (instant: number) => number

function clockOf(timeZone: string): Clock {
  const two = '2-digit'
  const date = { year: 'numeric', month: two, day: two } as const
  const time = { hour: two, minute: two, second: two, hourCycle: 'h23' } as const
  const format = new Intl.DateTimeFormat('en-US', { timeZone, ...date, ...time })
  return (instant) => {
    const text = format.format(instant)
    const number = (from: number, length: number) => Number(text.slice(from, from + length))
    const day = Date.UTC(number(6, 4), number(0, 2) - 1, number(3, 2))
    return day + number(12, 2) * HOUR + number(15, 2) * MINUTE + number(18, 2) * 1000 + past(instant, 1000)
  }
}

const CLOCKS: ReadonlyMap<string, Clock> = new Map(ZONES.map((zone) => [zone, clockOf(zone)]))

const past = (instant: number, unit: number): number => ((instant % unit) + unit) % unit
const dateAt = (clock: Clock, instant: number): number => Math.floor(clock(instant) / DAY)

/** The first instants with another offset, found between samples ten days apart. */
function transitionsOf(clock: Clock): number[] {
  const offset = (instant: number) => clock(instant) - instant
  const found: number[] = []
  for (let from = FIRST; from < LAST; from += 10 * DAY) {
    let before = from
    let after = from + 10 * DAY
    if (offset(before) === offset(after)) continue
    while (after - before > 1) {
      const middle = Math.floor((before + after) / 2)
      if (offset(middle) === offset(before)) before = middle
      else after = middle
    }
    found.push(after)
  }
  return found
}

const TRANSITIONS: ReadonlyMap<string, readonly number[]> = new Map(
  [...CLOCKS].map(([zone, clock]) => [zone, transitionsOf(clock)]),
)

/** Without what a calendar remembers: each instant is looked at afresh. */
const fresh = (spec: CalendarSpec, now: number): Period => calendarOf(spec).periodAt(now)

/** The periods around an instant that do not meet, differ by when they are asked for, or fail a check. */
function faultsAround(spec: CalendarSpec, around: number, reach: number, check: (period: Period) => boolean): string[] {
  const faults: string[] = []
  const calendar = calendarOf(spec)
  let before = calendar.periodAt(around - reach)
  while (before.end <= around + reach) {
    const period = calendar.periodAt(before.end)
    const chained = period.start === before.end && period.previous === before.start && period.start < period.end
    const asked = [period.end - 1, around - 1, around].filter((now) => now >= period.start && now < period.end)
    const same = asked.every((now) => JSON.stringify(fresh(spec, now)) === JSON.stringify(period))
    if (!chained || !same || !check(period)) faults.push(`${spec.unit} ${spec.timeZone} ${JSON.stringify(period)}`)
    before = period
    if (!chained) break
  }
  return faults
}

/** One date from its first to its last millisecond, and an earlier one before; an hour before too, where the clocks went back. */
function isDay(clock: Clock, { start, end }: Period): boolean {
  const date = dateAt(clock, start)
  return dateAt(clock, end - 1) === date && dateAt(clock, start - 1) < date && dateAt(clock, start - HOUR) < date
}

/** A full hour at its start, and none until its end; offsets of these years are whole quarters of an hour. */
function isHour(clock: Clock, { start, end }: Period): boolean {
  if (past(clock(start), HOUR) !== 0) return false
  for (let instant = start + HOUR / 4; instant < end; instant += HOUR / 4) {
    if (past(clock(instant), HOUR) === 0) return false
  }
  return true
}

describe('around every change of the clocks in ten years, in every time zone', () => {
  const changes = [...TRANSITIONS].flatMap(([timeZone, instants]) => instants.map((instant) => ({ timeZone, instant })))

  it('finds the changes', () => {
    expect(changes.length).toBeGreaterThan(3_000)
  })

  it('days have neither gap nor overlap, and begin when the date does', () => {
    const faults = changes.flatMap(({ timeZone, instant }) => {
      const clock = CLOCKS.get(timeZone) ?? clockOf(timeZone)
      return faultsAround({ unit: 'day', timeZone }, instant, 1.5 * DAY, (period) => isDay(clock, period))
    })
    expect(faults).toEqual([])
  })

  it('hours have neither gap nor overlap, and begin where the clock shows a full hour', () => {
    const faults = changes.flatMap(({ timeZone, instant }) => {
      const clock = CLOCKS.get(timeZone) ?? clockOf(timeZone)
      return faultsAround({ unit: 'hour', timeZone }, instant, 2 * HOUR, (period) => isHour(clock, period))
    })
    expect(faults).toEqual([])
  })
})

/** A day since 1970, cut to the last day of its month. */
function clamped(year: number, month: number, day: number): number {
  return Math.min(Date.UTC(year, month, day), Date.UTC(year, month + 1, 0)) / DAY
}

type DateOf = (year: number, month: number) => number

interface AnchoredSpec {
  readonly spec: Omit<CalendarSpec, 'timeZone'>
  /** The dates, in order, that periods begin on in the two and a half years around a date. */
  readonly datesAround: (date: number) => readonly number[]
}

function monthly(months: readonly number[], dateOf: DateOf): AnchoredSpec['datesAround'] {
  return (date) => {
    const year = new Date(date * DAY).getUTCFullYear()
    return [year - 2, year - 1, year, year + 1].flatMap((each) => months.map((month) => dateOf(each, month)))
  }
}

const EVERY_MONTH = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]
const DAYS = Array.from({ length: 31 }, (_, index) => index + 1)
/** The first day, the last, and 29 February among them. */
const DAYS_OF_YEAR = [
  [1, 1],
  [2, 28],
  [2, 29],
  [3, 1],
  [4, 6],
  [7, 31],
  [10, 28],
  [12, 30],
  [12, 31],
] as const

const ANCHORED: readonly AnchoredSpec[] = [
  ...DAYS.map((anchor) => ({
    spec: { unit: 'month', anchor } as const,
    datesAround: monthly(EVERY_MONTH, (year, month) => clamped(year, month, anchor)),
  })),
  ...DAYS.map((anchor) => ({
    spec: { unit: 'quarter', anchor } as const,
    datesAround: monthly([0, 3, 6, 9], (year, month) => clamped(year, month, anchor)),
  })),
  ...DAYS_OF_YEAR.map(([month, day]) => ({
    spec: { unit: 'year', anchor: { month, day } } as const,
    datesAround: monthly([month - 1], (year, index) => clamped(year, index, day)),
  })),
  ...WEEKDAYS.map((anchor, index) => ({
    spec: { unit: 'week', anchor } as const,
    // 5 January 1970 was a Monday.
    datesAround: (date: number) => [-14, -7, 0, 7].map((days) => date - past(date - 4 - index, 7) + days),
  })),
]

/** At this instant the clock shows the date for the first time; where the date is skipped, the next one. */
function begins(clock: Clock, instant: number, date: number): boolean {
  const before = dateAt(clock, instant - 1)
  const shown = dateAt(clock, instant)
  const isSkipped = before === date - 1 && shown === date + 1
  return before < date && dateAt(clock, instant - HOUR) < date && (shown === date || isSkipped)
}

function isAnchored(clock: Clock, { datesAround }: AnchoredSpec, now: number, period: Period): boolean {
  // The last date shown: the clocks may have gone back over midnight.
  const date = Math.max(dateAt(clock, now), dateAt(clock, now - HOUR))
  const dates = datesAround(date)
  const index = dates.findLastIndex((one) => one <= date)
  const { previous, start, end } = period
  const isAround = previous < start && start <= now && now < end
  return isAround && [previous, start, end].every((instant, i) => begins(clock, instant, dates[index - 1 + i] ?? 0))
}

describe('every anchor, in every time zone', () => {
  it('has periods that begin when the date of the anchor does', () => {
    const faults: string[] = []
    for (const [zone, [timeZone, clock]] of [...CLOCKS].entries()) {
      const transitions = TRANSITIONS.get(timeZone) ?? []
      for (const [index, anchored] of ANCHORED.entries()) {
        // Spread over the ten years, another for each zone and anchor; every second one at a change of the clocks, where there are any.
        const somewhere = FIRST + past((zone * ANCHORED.length + index) * 7_654_321_987, LAST - FIRST)
        const change = (zone + index) % 2 === 0 ? undefined : transitions[index % transitions.length]
        const now = change ?? somewhere
        const spec = { ...anchored.spec, timeZone }
        const period = fresh(spec, now)
        if (!isAnchored(clock, anchored, now, period)) faults.push(`${JSON.stringify(spec)} ${JSON.stringify(period)}`)
      }
    }
    expect(faults).toEqual([])
  })
})

describe('any calendar, from 1970 to 2100', () => {
  const specs: readonly Omit<CalendarSpec, 'timeZone'>[] = [
    { unit: 'hour' },
    { unit: 'day' },
    ...ANCHORED.map(({ spec }) => spec),
  ]
  const calendars = fc.record({ spec: fc.constantFrom(...specs), timeZone: fc.constantFrom(...ZONES) })

  it('has a period around every instant, whose neighbours meet it', () => {
    fc.assert(
      fc.property(calendars, fc.integer({ min: 0, max: 4_102_444_800_000 }), ({ spec, timeZone }, now) => {
        const whole = { ...spec, timeZone }
        const period = fresh(whole, now)
        const { previous, start, end } = period
        expect(previous < start && start <= now && now < end).toBe(true)
        expect(fresh(whole, start)).toEqual(period)
        expect(fresh(whole, end - 1)).toEqual(period)
        expect(fresh(whole, end)).toMatchObject({ previous: start, start: end })
        expect(fresh(whole, start - 1)).toMatchObject({ start: previous, end: start })
      }),
      { numRuns: 2_000 },
    )
  })
})
