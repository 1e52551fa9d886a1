import type { Calendar } from '@sluice/core/calendar'
import { describe, expect, it } from 'vitest'
import { type CalendarSpec, calendarOf } from './calendar.js'

const HOUR = 3_600_000
const DAY = 24 * HOUR

const at = (text: string): number => Date.parse(text)
const iso = (instant: number): string => new Date(instant).toISOString().replace(':00.000Z', 'Z')

/** The starts of so many periods, from the one that contains an instant. */
function starts(calendar: Calendar, from: string, count: number): string[] {
  const found: string[] = []
  for (let now = at(from); found.length < count; now = calendar.periodAt(now).end) {
    found.push(iso(calendar.periodAt(now).start))
  }
  return found
}

function hoursLong(calendar: Calendar, now: string): number {
  const { start, end } = calendar.periodAt(at(now))
  return (end - start) / HOUR
}

describe('a month', () => {
  it('begins on the 1st without an anchor', () => {
    const calendar = calendarOf({ unit: 'month', timeZone: 'UTC' })
    expect(calendar.periodAt(at('2026-02-11T10:00Z'))).toEqual({
      previous: at('2026-01-01T00:00Z'),
      start: at('2026-02-01T00:00Z'),
      end: at('2026-03-01T00:00Z'),
    })
  })

  it('anchored on the 31st begins on the last day of a shorter month, and on the 31st again after it', () => {
    const calendar = calendarOf({ unit: 'month', timeZone: 'UTC', anchor: 31 })
    expect(starts(calendar, '2026-01-31T00:00Z', 5)).toEqual([
      '2026-01-31T00:00Z',
      '2026-02-28T00:00Z',
      '2026-03-31T00:00Z',
      '2026-04-30T00:00Z',
      '2026-05-31T00:00Z',
    ])
    expect(starts(calendar, '2028-02-10T00:00Z', 2)).toEqual(['2028-01-31T00:00Z', '2028-02-29T00:00Z'])
  })

  it('begins at midnight of its time zone, in summer and in winter', () => {
    const calendar = calendarOf({ unit: 'month', timeZone: 'Europe/Berlin', anchor: 15 })
    expect(starts(calendar, '2026-03-01T00:00Z', 3)).toEqual([
      '2026-02-14T23:00Z',
      '2026-03-14T23:00Z',
      '2026-04-14T22:00Z',
    ])
  })

  it('anchored on a date that was skipped begins at the first instant after it', () => {
    const calendar = calendarOf({ unit: 'month', timeZone: 'Pacific/Apia', anchor: 30 })
    expect(starts(calendar, '2011-12-01T00:00Z', 3)).toEqual([
      '2011-11-30T10:00Z',
      '2011-12-30T10:00Z',
      '2012-01-29T10:00Z',
    ])
  })
})

describe('a quarter', () => {
  it('begins in January, April, July and October, on the anchor or the last day of the month', () => {
    const calendar = calendarOf({ unit: 'quarter', timeZone: 'UTC', anchor: 31 })
    expect(starts(calendar, '2026-01-30T23:59Z', 5)).toEqual([
      '2025-10-31T00:00Z',
      '2026-01-31T00:00Z',
      '2026-04-30T00:00Z',
      '2026-07-31T00:00Z',
      '2026-10-31T00:00Z',
    ])
  })
})

describe('a week', () => {
  it('begins on Monday without an anchor', () => {
    const calendar = calendarOf({ unit: 'week', timeZone: 'UTC' })
    expect(starts(calendar, '2026-11-25T16:00Z', 2)).toEqual(['2026-11-23T00:00Z', '2026-11-30T00:00Z'])
  })

  it('begins on the weekday of its anchor', () => {
    const calendar = calendarOf({ unit: 'week', timeZone: 'America/New_York', anchor: 'sunday' })
    expect(starts(calendar, '2026-10-30T12:00Z', 2)).toEqual(['2026-10-25T04:00Z', '2026-11-01T04:00Z'])
    expect(hoursLong(calendar, '2026-11-01T12:00Z')).toBe(7 * 24 + 1)
  })
})

describe('a year', () => {
  it('begins on 1 January without an anchor', () => {
    expect(starts(calendarOf({ unit: 'year', timeZone: 'UTC' }), '2026-11-25T00:00Z', 1)).toEqual(['2026-01-01T00:00Z'])
  })

  it('anchored on 29 February begins on the 28th in common years', () => {
    const calendar = calendarOf({ unit: 'year', timeZone: 'UTC', anchor: { month: 2, day: 29 } })
    expect(starts(calendar, '2027-01-01T00:00Z', 4)).toEqual([
      '2026-02-28T00:00Z',
      '2027-02-28T00:00Z',
      '2028-02-29T00:00Z',
      '2029-02-28T00:00Z',
    ])
  })
})

describe('a day', () => {
  it('has 23 or 25 hours where the clocks change', () => {
    const calendar = calendarOf({ unit: 'day', timeZone: 'Europe/Berlin' })
    expect(hoursLong(calendar, '2026-03-29T12:00Z')).toBe(23)
    expect(hoursLong(calendar, '2026-10-25T12:00Z')).toBe(25)
    expect(hoursLong(calendar, '2026-10-26T12:00Z')).toBe(24)
  })

  it('begins at 01:00 where the clocks skip midnight', () => {
    const beirut = calendarOf({ unit: 'day', timeZone: 'Asia/Beirut' })
    expect(starts(beirut, '2026-03-29T12:00Z', 2)).toEqual(['2026-03-28T22:00Z', '2026-03-29T21:00Z'])
    const saoPaulo = calendarOf({ unit: 'day', timeZone: 'America/Sao_Paulo' })
    expect(starts(saoPaulo, '2018-11-04T12:00Z', 2)).toEqual(['2018-11-04T03:00Z', '2018-11-05T02:00Z'])
  })

  it('begins at the first midnight where the clocks show two', () => {
    // At 00:01 on 7 November 2010 they went back to 23:01 on the 6th.
    const calendar = calendarOf({ unit: 'day', timeZone: 'America/St_Johns' })
    const expected = { previous: at('2010-11-06T02:30Z'), start: at('2010-11-07T02:30Z'), end: at('2010-11-08T03:30Z') }
    expect(calendar.periodAt(at('2010-11-07T02:30Z'))).toEqual(expected)
    const amongTheTwo = calendarOf({ unit: 'day', timeZone: 'America/St_Johns' })
    expect(amongTheTwo.periodAt(at('2010-11-07T03:00Z'))).toEqual(expected)
  })

  it('does not exist where a time zone skipped the date', () => {
    // Samoa went from 29 to 31 December 2011.
    const calendar = calendarOf({ unit: 'day', timeZone: 'Pacific/Apia' })
    expect(starts(calendar, '2011-12-29T12:00Z', 3)).toEqual([
      '2011-12-29T10:00Z',
      '2011-12-30T10:00Z',
      '2011-12-31T10:00Z',
    ])
    expect(calendar.periodAt(at('2011-12-30T10:00Z')).previous).toBe(at('2011-12-29T10:00Z'))
  })
})

describe('an hour', () => {
  it('begins where the wall clock shows a full hour', () => {
    const kathmandu = calendarOf({ unit: 'hour', timeZone: 'Asia/Kathmandu' })
    expect(starts(kathmandu, '2026-11-25T12:00Z', 2)).toEqual(['2026-11-25T11:15Z', '2026-11-25T12:15Z'])
  })

  it('that the clocks repeat is two periods, and one that they skip is none', () => {
    const calendar = calendarOf({ unit: 'hour', timeZone: 'Europe/Berlin' })
    const spring = ['2026-03-29T00:00Z', '2026-03-29T01:00Z', '2026-03-29T02:00Z']
    expect(starts(calendar, '2026-03-29T00:30Z', 3)).toEqual(spring)
    const autumn = ['2026-10-25T00:00Z', '2026-10-25T01:00Z', '2026-10-25T02:00Z']
    expect(starts(calendar, '2026-10-25T00:30Z', 3)).toEqual(autumn)
  })

  it('lasts 90 minutes where the clocks move by half an hour', () => {
    const calendar = calendarOf({ unit: 'hour', timeZone: 'Australia/Lord_Howe' })
    // From 01:00 to 01:59, then 02:30 to 02:59.
    expect(starts(calendar, '2026-10-03T15:00Z', 2)).toEqual(['2026-10-03T14:30Z', '2026-10-03T16:00Z'])
    // From 01:00 to 01:59, then 01:30 to 01:59 again.
    expect(starts(calendar, '2026-04-04T14:30Z', 2)).toEqual(['2026-04-04T14:00Z', '2026-04-04T15:30Z'])
  })
})

describe('a lifetime', () => {
  it('is one period that never ends', () => {
    const calendar = calendarOf({ unit: 'lifetime', timeZone: 'Europe/Berlin' })
    expect(calendar.periodAt(at('2026-11-25T00:00Z'))).toEqual({
      previous: -1,
      start: 0,
      end: Number.POSITIVE_INFINITY,
    })
    expect(calendar).toMatchObject({ id: 'lifetime', timeZone: 'UTC' })
  })
})

describe('the id of a calendar', () => {
  it.each<[CalendarSpec, string]>([
    [{ unit: 'hour', timeZone: 'UTC' }, 'hour-UTC'],
    [{ unit: 'day', timeZone: 'utc' }, 'day-UTC'],
    [{ unit: 'week', timeZone: 'Asia/Tokyo' }, 'week-monday-Asia/Tokyo'],
    [{ unit: 'month', timeZone: 'Europe/Berlin', anchor: 31 }, 'month-31-Europe/Berlin'],
    [{ unit: 'month', timeZone: 'Etc/GMT+5' }, 'month-1-Etc/GMT+5'],
    [{ unit: 'quarter', timeZone: 'UTC', anchor: 1 }, 'quarter-1-UTC'],
    [{ unit: 'year', timeZone: 'UTC', anchor: { month: 2, day: 29 } }, 'year-2-29-UTC'],
  ])('of %o is %s', (spec, id) => {
    expect(calendarOf(spec).id).toBe(id)
  })
})

describe('a calendar', () => {
  it('gives the same period for as long as it lasts, also when asked for its neighbours in between', () => {
    const calendar = calendarOf({ unit: 'month', timeZone: 'Europe/Berlin' })
    const now = at('2026-11-25T12:00Z')
    const period = calendar.periodAt(now)
    calendar.periodAt(period.previous)
    const next = calendar.periodAt(period.end)
    calendar.periodAt(next.end)
    expect(calendar.periodAt(now + DAY)).toBe(period)
    expect(calendar.periodAt(period.end)).toBe(next)
  })

  it('takes a fraction of a millisecond', () => {
    for (const unit of ['hour', 'day', 'year'] as const) {
      const { start, end } = calendarOf({ unit, timeZone: 'UTC' }).periodAt(at('2026-01-01T00:00Z') + 0.5)
      expect(iso(start)).toBe('2026-01-01T00:00Z')
      expect(calendarOf({ unit, timeZone: 'UTC' }).periodAt(end - 0.5).end).toBe(end)
    }
  })
})
