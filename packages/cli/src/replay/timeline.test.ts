import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { inParts, Timeline } from './timeline.ts'

describe('Timeline', () => {
  it('loses nothing and stays small, however long a log is', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(40_000_000_000)), fc.integer({ min: 2, max: 60 }), (given, most) => {
        const timeline = new Timeline(most)
        for (const at of given.sort((one, other) => one - other)) timeline.add(at, 1)
        expect(timeline.length).toBeLessThanOrEqual(most)
        const counts = timeline.from(timeline.startMs, timeline.widthMs, timeline.length)
        expect(counts.reduce((sum, count) => sum + count, 0)).toBe(given.length)
      }),
    )
  })

  it('counts each instant in its interval', () => {
    const timeline = new Timeline(4)
    for (const at of [0, 999, 1_000, 5_500, 7_999]) timeline.add(at, 1)
    expect([timeline.widthMs, timeline.from(0, timeline.widthMs, 4)]).toEqual([2_000, [3, 0, 1, 1]])
  })
})

describe('inParts', () => {
  it('sums up neighbours', () => {
    expect(inParts([1, 2, 3, 4, 5, 6], 3)).toEqual([3, 7, 11])
    expect(inParts([1, 2], 3)).toEqual([1, 2])
  })
})
