import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { concurrency, createLimiter, fixedWindow, leakyBucket, memoryStore } from '../index.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

/** Counts what the store is asked. */
function countedStore() {
  const store = memoryStore()
  const { consume } = store
  const counted = { store, asked: 0 }
  store.consume = (asks) => {
    counted.asked += 1
    return consume.call(store, asks)
  }
  return counted
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

describe('who waits for slots', () => {
  it('goes on waiting while they are held for longer than a poll, for one key and for several', async () => {
    const limiter = createLimiter({ policies: concurrency(1) })
    const holders = ['ann', 'bob'].map((key) => limiter.run(key, () => pause(5_000)))
    const waits = ['ann', 'bob'].map((key) => limiter.run(key, async () => key))
    await vi.advanceTimersByTimeAsync(5_000)
    await Promise.all(holders)
    expect(await Promise.all(waits)).toEqual(['ann', 'bob'])
  })

  it('is asked for one by one, in the order of arrival over all keys that share them', async () => {
    const counted = countedStore()
    const policies = [
      { policy: fixedWindow('9/s'), name: 'own' },
      { policy: concurrency(1), name: 'all' },
    ]
    const limiter = createLimiter({ policies, store: counted.store })
    const order: number[] = []
    const runs = Array.from({ length: 500 }, (_, i) =>
      limiter.run({ own: `user-${i % 250}`, all: 'all' }, async () => {
        order.push(i)
        await pause(1)
      }),
    )
    await vi.advanceTimersByTimeAsync(600)
    await Promise.all(runs)
    expect(order).toEqual(Array.from({ length: 500 }, (_, i) => i))
    expect(counted.asked).toBeLessThan(1_300)
  })

  it('passes a slot on that it cannot use for another reason', async () => {
    const policies = [
      { policy: fixedWindow('1/h'), name: 'own' },
      { policy: concurrency(1), name: 'all' },
    ]
    const limiter = createLimiter({ policies })
    const first = limiter.run({ own: 'ann', all: 'all' }, () => pause(10))
    const stuck = limiter.wait({ own: 'ann', all: 'all' }).catch((error) => error)
    const next = limiter.run({ own: 'bob', all: 'all' }, () => 'bob')
    await vi.advanceTimersByTimeAsync(10)
    await first
    expect(await next).toBe('bob')
    await limiter.close()
    expect(await stuck).toMatchObject({ code: 'SLUICE_WAIT', reason: 'closed' })
  })

  it('takes nothing where a leaky bucket would hold it for too long', async () => {
    const limiter = createLimiter({ policies: leakyBucket('2/s', { queue: 10 }) })
    limiter.consume('a')
    await expect(limiter.wait('a', { maxWaitMs: 50 })).rejects.toMatchObject({ reason: 'timeout' })
    expect(limiter.peek('a').standings[0]?.used).toBe(1)
  })

  it('is counted for each key, and denied beyond maxWaiting at once', async () => {
    const limiter = createLimiter({ policies: concurrency(1), maxWaiting: 2 })
    limiter.consume('a')
    const waits = [limiter.wait('a'), limiter.wait('a')].map((wait) => wait.catch(({ reason }) => reason))
    await expect(limiter.wait('a')).rejects.toMatchObject({ reason: 'full' })
    await limiter.wait('b')
    await expect(limiter.wait('a', { cost: 2 })).rejects.toMatchObject({ reason: 'full' })
    await limiter.close()
    expect(await Promise.all(waits)).toEqual(['closed', 'closed'])
  })

  it('is told at once that it can never be', async () => {
    const limiter = createLimiter({ policies: ['5/s', concurrency(2)] })
    await expect(limiter.wait('a', { cost: 3 })).rejects.toMatchObject({ reason: 'never' })
    await expect(limiter.wait('', {})).rejects.toThrow('The key is empty')
    await expect(limiter.wait('a', { maxWaitMs: -1 })).rejects.toThrow('maxWaitMs: expected a whole number from 0')
    await expect(limiter.wait('a', { signal: 'no' as never })).rejects.toThrow('signal: expected an AbortSignal')
    await expect(limiter.run('a', 'no' as never)).rejects.toThrow('run(): expected a function')
  })
})
