import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { QuietKeys } from './quiet-keys.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'] })
})
afterEach(() => {
  vi.useRealTimers()
})

function quiet() {
  const said: [string, number][] = []
  const overflow: number[] = []
  const keys = new QuietKeys<string>(
    60_000,
    (line, suppressed) => said.push([line, suppressed]),
    (suppressed) => overflow.push(suppressed),
  )
  return { keys, said, overflow }
}

describe('lines by key', () => {
  it('are one a minute, with the number of those held back', () => {
    const { keys, said } = quiet()
    for (let i = 0; i < 5; i++) keys.add('a', `a${i}`)
    keys.add('b', 'b0')
    expect(said).toEqual([
      ['a0', 0],
      ['b0', 0],
    ])
    vi.advanceTimersByTime(60_000)
    expect(said.slice(2)).toEqual([['a4', 4]])
    keys.add('a', 'a5')
    vi.advanceTimersByTime(59_999)
    expect(said).toHaveLength(3)
    vi.advanceTimersByTime(2)
    expect(said.slice(3)).toEqual([['a5', 1]])
    // Quiet for a minute: as if it had never been.
    vi.advanceTimersByTime(60_001)
    keys.add('a', 'a6')
    expect(said.slice(4)).toEqual([['a6', 0]])
  })

  it('are 600 a minute in all, whatever keys come, and one that says how many are missing', () => {
    const { keys, said, overflow } = quiet()
    for (let i = 0; i < 50_000; i++) keys.add(`k${i}`, 'line')
    expect(said).toHaveLength(600)
    vi.advanceTimersByTime(120_000)
    expect(said).toHaveLength(600)
    expect(overflow.reduce((sum, one) => sum + one, 0)).toBe(49_400)
    keys.add('later', 'line')
    expect(said).toHaveLength(601)
  })

  it('leave nothing behind', () => {
    const { keys, said } = quiet()
    keys.add('a', 'first')
    keys.add('a', 'second')
    keys.close()
    expect(said).toEqual([
      ['first', 0],
      ['second', 1],
    ])
    expect(vi.getTimerCount()).toBe(0)
  })
})
