import { describe, expect, it } from 'vitest'
import { separateAbuse } from './abuse.ts'
import type { KeyPeaks } from './peaks.ts'
import { nice } from './suggestion.ts'

function key(peak: number, more: Partial<KeyPeaks> = {}): KeyPeaks {
  return { key: `${peak}`, requests: 100, refused: 0, isTool: false, peaks: [1, 2, peak, peak, peak], ...more }
}

const many = Array.from({ length: 300 }, (_, i) => key(5 + (i % 20)))

describe('what looks like abuse', () => {
  it('is a peak more than four times the next lower one', () => {
    expect(separateAbuse([...many, key(500), key(96)]).abusive).toMatchObject([{ key: '500', reason: 'outlier' }])
    expect(separateAbuse([...many, key(500), key(450)]).abusive).toHaveLength(2)
  })

  it('is no tail that thins out', () => {
    expect(separateAbuse([...many, key(40), key(70), key(120), key(200)]).abusive).toEqual([])
  })

  it('is not what many do', () => {
    expect(separateAbuse([...many, ...Array.from({ length: 20 }, () => key(500))]).abusive).toEqual([])
  })

  it('is a key that is mostly refused, but not after a few mistakes', () => {
    const refused = separateAbuse([...many, key(9, { refused: 50 }), key(8, { requests: 10, refused: 10 })]).abusive
    expect(refused).toMatchObject([{ key: '9', reason: 'refused' }])
  })
})

describe('nice', () => {
  it('rounds up to numbers that people write', () => {
    expect([0, 1, 4.2, 6, 11, 16, 101, 151, 999].map(nice)).toEqual([1, 1, 5, 6, 15, 20, 150, 200, 1_000])
  })
})
