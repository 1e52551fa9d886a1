import { describe, expect, it } from 'vitest'
import { anyTime, clfTime, isoTime, TimeReader, unixTime } from './times.ts'

const AT = Date.UTC(2026, 9, 10, 13, 55, 36)

describe('times of log lines', () => {
  it.each([
    ['10/Oct/2026:13:55:36 +0000', AT],
    ['10/Oct/2026:15:55:36 +0200', AT],
    ['10/Oct/2026:09:25:36 -0430', AT],
    ['10/Oct/2026:13:55:36', AT],
    ['10/Oct/2026:13:55:36.125 +0000', AT + 125],
    ['10/Foo/2026:13:55:36 +0000', Number.NaN],
    ['31/Feb/2026:13:55:36 +0000', Number.NaN],
    ['10/Oct/2026:25:61:61 +0000', Number.NaN],
    ['2026-10-10 13:55:36', Number.NaN],
    ['', Number.NaN],
  ])('%s of Apache and nginx', (text, ms) => {
    expect(clfTime(text)).toBe(ms)
  })

  it.each([
    ['2026-10-10T13:55:36Z', AT],
    ['2026-10-10T15:55:36+02:00', AT],
    ['2026-10-10T13:55:36.123456Z', AT + 123],
    ['2026-10-10 13:55:36', AT],
    ['2026-10-10T13:55:36', AT],
    ['yesterday', Number.NaN],
  ])('%s of ISO 8601, which is UTC where it has no offset', (text, ms) => {
    expect(isoTime(text)).toBe(ms)
  })

  it.each([
    [`${AT / 1_000}`, AT],
    [`${AT / 1_000}.125`, AT + 125],
    [`${AT}`, AT],
    [`${AT}000`, AT],
    [`${AT}000000`, AT],
    ['', Number.NaN],
    ['x', Number.NaN],
  ])('%s since 1970, in whatever unit', (text, ms) => {
    expect(unixTime(text)).toBe(ms)
  })

  it('are told apart', () => {
    expect(['10/Oct/2026:13:55:36 +0000', '2026-10-10T13:55:36Z', `${AT}`].map(anyTime)).toEqual([AT, AT, AT])
  })

  it('are whole seconds until one is not', () => {
    const reader = new TimeReader(isoTime)
    reader.read('2026-10-10T13:55:36Z')
    expect(reader.isCoarse).toBe(true)
    reader.read('2026-10-10T13:55:36.5Z')
    expect(reader.isCoarse).toBe(false)
  })
})
