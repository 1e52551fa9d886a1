import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { LogEntry, NO_VALUES } from '../logs/entry.ts'
import { Retries } from './retries.ts'

const entry = new LogEntry(0, '192.0.2.1', 'GET', '/', 200, NO_VALUES)

describe('Retries', () => {
  it('come in the order of their time, and never before it', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(5_000), fc.nat(5_000))), (denials) => {
        const retries = new Retries('obey')
        for (const [at, waitMs] of denials) retries.denied({ entry, place: 0, at, attempt: 1 }, waitMs)
        const times: number[] = []
        for (let next = retries.next(20_000); next !== undefined; next = retries.next(20_000)) times.push(next.at)
        expect(times).toEqual(denials.map(([at, waitMs]) => at + Math.max(1, waitMs)).sort((one, other) => one - other))
      }),
    )
  })

  it('are given up after five attempts, and where the wait is longer than anybody waits', () => {
    const retries = new Retries('obey')
    retries.denied({ entry, place: 0, at: 0, attempt: 6 }, 10)
    retries.denied({ entry, place: 0, at: 0, attempt: 1 }, 16 * 60_000)
    retries.denied({ entry, place: 0, at: 0, attempt: 1 }, Number.POSITIVE_INFINITY)
    expect(retries.next(Number.MAX_SAFE_INTEGER)).toBeUndefined()
    expect(retries.abandoned).toBe(3)
  })
})
