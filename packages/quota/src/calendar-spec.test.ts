import { ConfigError } from '@sluice/core'
import { describe, expect, it } from 'vitest'
import { type CalendarSpec, calendarOf } from './calendar.js'

function errorOf(spec: unknown): string {
  try {
    calendarOf(spec as CalendarSpec)
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError)
    return error instanceof Error ? error.message : ''
  }
  return 'no error'
}

describe('a time zone', () => {
  it.each([
    ['europe/berlin', 'Europe/Berlin'],
    ['AMERICA/PORT-AU-PRINCE', 'America/Port-au-Prince'],
    ['africa/dar_es_salaam', 'Africa/Dar_es_Salaam'],
  ])('in other letter case, as %s, is %s', (given, timeZone) => {
    expect(calendarOf({ unit: 'day', timeZone: given }).timeZone).toBe(timeZone)
  })

  it.each(['Asia/Calcutta', 'Asia/Kolkata', 'Europe/Kiev', 'Europe/Kyiv', 'US/Pacific', 'Etc/UTC'])(
    'keeps its name where it may be an alias: %s',
    (timeZone) => {
      expect(calendarOf({ unit: 'day', timeZone }).timeZone).toBe(timeZone)
    },
  )

  it.each([
    ['+02:00', '"+02:00"'],
    ['Mars/Olympus', '"Mars/Olympus"'],
    ['', '""'],
    ['2026-01-01[Europe/Berlin]', '"2026-01-01[Europe/Berlin]"'],
    [undefined, 'undefined'],
  ])('cannot be %j', (timeZone, got) => {
    expect(errorOf({ unit: 'day', timeZone })).toBe(
      `timeZone: expected an IANA name such as 'Europe/Berlin' or 'UTC', got ${got}.`,
    )
  })
})

describe('a spec that cannot be right', () => {
  const example = "Leave it out, or choose a unit that takes one, as in { unit: 'month', anchor: 15 }."
  const dayOfMonth = "anchor: expected a whole number from 1 to 31 for the unit 'month', such as 15, got"
  const weekday = "anchor: expected a weekday in lower case for the unit 'week', such as 'monday', got"
  const dayOfYear =
    "anchor: expected a month and a day that it has for the unit 'year', such as { month: 4, day: 6 }, got"

  it.each([
    [{ unit: 'hour', anchor: 5 }, `anchor: the unit 'hour' takes none, got 5. ${example}`],
    [{ unit: 'day', anchor: 'monday' }, `anchor: the unit 'day' takes none, got "monday". ${example}`],
    [{ unit: 'lifetime', anchor: 1 }, `anchor: the unit 'lifetime' takes none, got 1. ${example}`],
    [{ unit: 'month', anchor: 32 }, `${dayOfMonth} 32.`],
    [{ unit: 'month', anchor: 0 }, `${dayOfMonth} 0.`],
    [{ unit: 'month', anchor: 1.5 }, `${dayOfMonth} 1.5.`],
    [{ unit: 'month', anchor: '15' }, `${dayOfMonth} "15".`],
    [{ unit: 'week', anchor: 'Monday' }, `${weekday} "Monday".`],
    [{ unit: 'week', anchor: 1 }, `${weekday} 1.`],
    [{ unit: 'year', anchor: { month: 2, day: 30 } }, `${dayOfYear} { month: 2, day: 30 }.`],
    [{ unit: 'year', anchor: { month: 13, day: 1 } }, `${dayOfYear} { month: 13, day: 1 }.`],
    [{ unit: 'year', anchor: null }, `${dayOfYear} null.`],
    [
      { unit: 'fortnight' },
      `unit: expected hour, day, week, month, quarter, year or lifetime, got "fortnight", as in { unit: 'month' }.`,
    ],
  ])('is a ConfigError: %o', (spec, message) => {
    expect(errorOf({ timeZone: 'UTC', ...spec })).toBe(message)
  })
})
