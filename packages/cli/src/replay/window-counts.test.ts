import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { PARTS, WindowCounts } from './window-counts.ts'

describe('WindowCounts', () => {
  it.each([false, true])(
    'finds the most units in any window of tenths, as a log of them does (weighted: %s)',
    (isWeighted) => {
      const steps = fc.array(fc.record({ gap: fc.nat(15), units: fc.integer({ min: 1, max: 9 }), place: fc.nat(3) }))
      fc.assert(
        fc.property(steps, fc.nat(1_000_000), (taken, start) => {
          const counts = new WindowCounts(isWeighted)
          const log: { readonly part: number; readonly place: number; readonly units: number }[] = []
          let part = start
          for (const { gap, units, place } of taken) {
            part += gap
            log.push({ part, place, units })
            counts.add(place, part, units)
          }
          for (let place = 0; place < 4; place++) {
            const own = log.filter((one) => one.place === place)
            const peaks = own.map((last) =>
              sum(own.filter((one) => one.part <= last.part && one.part > last.part - PARTS)),
            )
            expect(counts.peakOf(place)).toBe(Math.max(0, ...peaks))
            expect(counts.requestsOf(place)).toBe(own.length)
          }
        }),
      )
    },
  )

  it('gives what each aligned window had, once', () => {
    const counts = new WindowCounts()
    const ended = [0, 3, 9, 10, 35].map((part) => counts.add(0, part, 2))
    expect(ended).toEqual([0, 0, 0, 6, 2])
    expect(counts.lastOf(0)).toBe(2)
  })

  it('goes on with the counts of another', () => {
    const [one, other] = [new WindowCounts(), new WindowCounts()]
    one.add(7, 100, 5)
    other.copy(300, one, 7)
    other.add(300, 101, 2)
    expect([one.peakOf(7), other.peakOf(300)]).toEqual([5, 7])
  })
})

function sum(entries: readonly { readonly units: number }[]): number {
  return entries.reduce((total, { units }) => total + units, 0)
}
