import { describe, expect, it } from 'vitest'
import { SpaceSaving } from './space-saving.ts'

/** Numbers that look random, and are the same each time. */
function random(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

describe('the heaviest keys', () => {
  it('are exact while there is room', () => {
    const keys = new SpaceSaving(10)
    for (const [key, weight] of [
      ['a', 3],
      ['b', 5],
      ['a', 4],
      ['c', 1],
    ] as const)
      keys.add(key, weight)
    expect(keys.top(2)).toEqual([
      { key: 'a', count: 7, error: 0 },
      { key: 'b', count: 5, error: 0 },
    ])
    expect(keys.top(9)).toHaveLength(3)
  })

  it('have at least the count they should have, and too much by no more than they say', () => {
    const next = random(7)
    const keys = new SpaceSaving(100)
    const truth = new Map<string, number>()
    let all = 0
    for (let i = 0; i < 50_000; i++) {
      // A few keys have most: about as 1/x.
      const key = `k${Math.floor(1 / (next() + 0.0005))}`
      const weight = 1 + Math.floor(next() * 5)
      keys.add(key, weight)
      truth.set(key, (truth.get(key) ?? 0) + weight)
      all += weight
    }
    const found = keys.top(100)
    for (const { key, count, error } of found) {
      expect(count).toBeGreaterThanOrEqual(truth.get(key) ?? 0)
      expect(count - error).toBeLessThanOrEqual(truth.get(key) ?? 0)
    }
    const names = new Set(found.map(({ key }) => key))
    for (const [key, count] of truth) if (count > all / 100) expect(names).toContain(key)
  })

  it('are no more than there is room for, whatever comes', () => {
    const keys = new SpaceSaving(50)
    for (let i = 0; i < 100_000; i++) keys.add(`flood-${i}`, 1)
    expect(keys.top(1_000)).toHaveLength(50)
    for (let i = 0; i < 5_000; i++) keys.add('heavy', 1)
    expect(keys.top(1)).toMatchObject([{ key: 'heavy' }])
  })
})
