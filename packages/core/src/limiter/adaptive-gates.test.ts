import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { adaptiveConcurrency, createLimiter, type Decision } from '../index.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] })
})
afterEach(() => {
  vi.useRealTimers()
})

const LATENCY_MS = 20

/** Keeps a server as busy as its limit lets, and counts how often the limit was lowered to measure. */
function probesOf(denials: number): number {
  const limiter = createLimiter({ policies: adaptiveConcurrency({ min: 4, max: 64 }) })
  const limit = () => limiter.peek('all').standings[0]?.remaining ?? 0
  let [probes, last] = [0, limit()]
  for (let round = 0; round < 500; round++) {
    const held: Decision[] = []
    for (let free = limit(); free > 0; free--) held.push(limiter.consume('all'))
    for (let i = 0; i < denials; i++) expect(limiter.consume('all').allowed).toBe(false)
    for (const one of held) {
      vi.advanceTimersByTime(LATENCY_MS / held.length)
      limiter.release(one)
    }
    if (limit() < 0.7 * last) probes += 1
    last = limit()
  }
  return probes
}

describe('adaptive concurrency in a limiter', () => {
  it('learns of what it denies: only then is latency without load measured anew', () => {
    expect(probesOf(0)).toBe(0)
    expect(probesOf(5)).toBeGreaterThan(3)
  })

  it('takes all places that a request costs, or none', () => {
    const limiter = createLimiter({ policies: adaptiveConcurrency({ min: 5, max: 5 }) })
    const first = limiter.consume('all', { cost: 3 })
    expect([first.allowed, limiter.consume('all', { cost: 3 }).allowed]).toEqual([true, false])
    expect(limiter.consume('all', { cost: 2 }).allowed).toBe(true)
    limiter.release(first)
    expect(limiter.consume('all', { cost: 3 }).allowed).toBe(true)
  })

  it('learns nothing of work that throws', async () => {
    const terms = { min: 1, max: 100, algorithm: 'aimd', toleranceMs: 50 } as const
    const limiter = createLimiter({ policies: adaptiveConcurrency(terms) })
    const limit = () => limiter.peek('all').standings[0]?.remaining
    const before = limit()
    const fail = async () => {
      throw new Error('no such page')
    }
    for (let i = 0; i < 50; i++) {
      await Promise.allSettled(Array.from({ length: 10 }, () => limiter.run('all', fail)))
    }
    expect(limit()).toBe(before)
  })
})
