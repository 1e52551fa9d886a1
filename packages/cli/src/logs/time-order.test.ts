import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { LogEntry, NO_VALUES } from './entry.ts'
import { TimeOrder } from './time-order.ts'

function entryAt(at: number): LogEntry {
  return new LogEntry(at, '', 'GET', '/', 200, NO_VALUES)
}

describe('TimeOrder', () => {
  it('gives all entries in the order of their time, where none is more than a minute late', () => {
    const entries = fc.array(fc.record({ gap: fc.nat(20_000), early: fc.nat(59_000) }))
    fc.assert(
      fc.property(entries, fc.integer({ min: 1, max: 7 }), (given, block) => {
        const order = new TimeOrder()
        const times: number[] = []
        const found: number[] = []
        let written = 1_000_000
        for (const [i, { gap, early }] of given.entries()) {
          written += gap
          times.push(written - early)
          order.add(entryAt(written - early))
          if (i % block === 0) found.push(...order.take().map(({ at }) => at))
        }
        found.push(...order.end().map(({ at }) => at))
        expect(found).toEqual(times.sort((one, other) => one - other))
        expect(order.late).toBe(0)
      }),
    )
  })

  it('counts what comes too late, and takes it at the time of what was given before', () => {
    const order = new TimeOrder()
    for (const at of [0, 100_000]) order.add(entryAt(at))
    expect(order.take().map(({ at }) => at)).toEqual([0])
    order.add(entryAt(200_000))
    order.take()
    order.add(entryAt(5))
    expect(order.end().map(({ at }) => at)).toEqual([100_000, 200_000])
    expect(order.late).toBe(1)
  })
})
