import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type MemoryStore, memoryStore } from '../memory/memory-store.js'
import { concurrency } from '../policies/concurrency.js'
import type { Policy } from '../policies/policy.js'
import type { Store } from '../stores/store.js'
import { createLimiter } from './limiter.js'

/** Another process's view of the same buckets: it answers later. */
function remoteView(memory: MemoryStore, own: Partial<Store> = {}): Store {
  return {
    consume: async (asks) => memory.consume(asks),
    consumeOnce: async (asks, once) => memory.consumeOnce(asks, once),
    peek: async (asks) => memory.peek(asks),
    edit: async (change) => memory.edit(change),
    refund: async (returns, once) => memory.refund(returns, once),
    renew: async (renewals) => memory.renew(renewals),
    readTexts: async (known) => memory.readTexts(known),
    writeText: async (entry) => memory.writeText(entry),
    reset: async (policies, keys, scope) => memory.reset(policies, keys, scope),
    clear: async (policies) => memory.clear(policies),
    close: () => undefined,
    ...own,
  }
}

const BRIEF = concurrency(1, { name: 'brief', leaseMs: 1_000 })

function limiterOver(policies: readonly Policy[], store: Store) {
  const lost: string[] = []
  const errors: unknown[] = []
  const limiter = createLimiter({ policies, store, timeoutMs: 10_000 })
  limiter.on('lost', ({ policy }) => lost.push(policy.name))
  limiter.on('error', ({ error }) => errors.push(error))
  return { limiter, lost, errors }
}

describe('slots that are held', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  it('stay released where their renewal is carried out later than the release', async () => {
    const memory = memoryStore()
    let renew = (): void => undefined
    const store = remoteView(memory, {
      renew: (renewals) =>
        new Promise((resolve) => {
          renew = () => resolve(memory.renew(renewals))
        }),
    })
    const { limiter } = limiterOver([BRIEF], store)
    const held = await limiter.consume('a')
    await vi.advanceTimersByTimeAsync(400)
    await limiter.release(held)
    renew()
    await vi.advanceTimersByTimeAsync(1)
    expect((await limiter.peek('a')).allowed).toBe(true)
  })

  it('are reported where a store gives no answer to their renewal', async () => {
    const store = remoteView(memoryStore(), { renew: async () => undefined as never })
    const { limiter, errors } = limiterOver([BRIEF], store)
    await limiter.consume('a')
    await vi.advanceTimersByTimeAsync(400)
    expect(errors).toHaveLength(1)
  })

  it('are not renewed in a store that is closed', async () => {
    let renewals = 0
    const memory = memoryStore()
    const store = remoteView(memory, {
      async renew(list) {
        renewals += 1
        return memory.renew(list)
      },
    })
    const { limiter } = limiterOver([BRIEF], store)
    await limiter.consume('a')
    await vi.advanceTimersByTimeAsync(400)
    expect(renewals).toBe(1)
    await limiter.close()
    await vi.advanceTimersByTimeAsync(2_000)
    expect(renewals).toBe(1)
  })

  it('are all reported where they are lost together', async () => {
    const store = remoteView(memoryStore(), { renew: async (renewals) => renewals.map(() => false) })
    const { limiter, lost } = limiterOver([BRIEF, concurrency(1, { name: 'other', leaseMs: 1_000 })], store)
    await limiter.consume('a')
    await vi.advanceTimersByTimeAsync(400)
    expect(lost).toEqual(['brief', 'other'])
  })

  it('of which one has expired are not held again because another lasts longer', async () => {
    const memory = memoryStore()
    const restored: boolean[] = []
    const store = remoteView(memory, {
      async renew(renewals) {
        for (const { policy, restore } of renewals) if (policy.name === 'brief') restored.push(restore)
        return memory.renew(renewals)
      },
    })
    const { limiter } = limiterOver([BRIEF, concurrency(1, { name: 'long', leaseMs: 3_600 })], store)
    await limiter.consume('a')
    await vi.advanceTimersByTimeAsync(1_250)
    expect(restored).toEqual([true, true, true])
    // The process does nothing for two seconds.
    const now = performance.now()
    const late = vi.spyOn(performance, 'now').mockImplementation(() => now + 2_000)
    await vi.advanceTimersByTimeAsync(200)
    late.mockRestore()
    expect(restored).toEqual([true, true, true, false])
  })

  it('are said to be free after their share of the time that they were held for, and never before a second', async () => {
    const limiter = createLimiter({ policies: concurrency(2) })
    const wait = () => {
      const [one, other] = [limiter.consume('a'), limiter.consume('a')]
      const { retryAfterMs } = limiter.consume('a')
      for (const decision of [one, other]) limiter.release(decision)
      return retryAfterMs
    }
    expect(wait()).toBe(1_000)
    for (let i = 0; i < 60; i++) {
      const held = limiter.consume('b')
      vi.advanceTimersByTime(8_000)
      limiter.release(held)
    }
    expect(wait()).toBeGreaterThan(3_900)
    expect(wait()).toBeLessThan(4_100)
  })

  it('are not for what counts an id once', async () => {
    const limiter = createLimiter({ policies: BRIEF })
    expect(() => limiter.consume('a', { id: 'one' })).toThrow(/^An id counts once, so what is repeated holds no slot/)
  })
})

describe('who waits for a slot', () => {
  it('gets one that another process has released', async () => {
    const memory = memoryStore()
    const [here, there] = [remoteView(memory), remoteView(memory)].map((store) =>
      createLimiter({ policies: concurrency(1), store }),
    )
    const held = await there?.consume('a')
    const waiting = here?.run('a', () => 'passed')
    await sleep(1)
    if (held !== undefined) await there?.release(held)
    expect(await waiting).toBe('passed')
  })

  it('asks again at once where a slot was released while the answer was under way', async () => {
    const memory = memoryStore()
    let asked = 0
    let answer = (): void => undefined
    const store = remoteView(memory, {
      consume(asks) {
        asked += 1
        const standings = memory.consume(asks)
        return asked === 2 ? new Promise((resolve) => (answer = () => resolve(standings))) : Promise.resolve(standings)
      },
    })
    const limiter = createLimiter({ policies: concurrency(1), store, timeoutMs: 10_000 })
    const held = await limiter.consume('a')
    const waiting = limiter.run('a', () => 'passed')
    await Promise.resolve()
    expect(asked).toBe(2)
    await limiter.release(held)
    answer()
    for (let i = 0; i < 50; i++) await Promise.resolve()
    expect(asked).toBe(3)
    expect(await waiting).toBe('passed')
  })

  it('does not wait for a store that is closed', async () => {
    const limiter = createLimiter({ policies: concurrency(1) })
    limiter.consume('a')
    const waiting = [limiter.wait('a'), limiter.wait('a')]
    limiter.close()
    for (const one of await Promise.allSettled(waiting)) expect(one).toMatchObject({ reason: { reason: 'closed' } })
  })

  it('leaves where the signal is aborted while the store is asked', async () => {
    const memory = memoryStore()
    const controller = new AbortController()
    const store = remoteView(memory, {
      consume(asks) {
        controller.abort('left')
        return memory.consume(asks)
      },
    })
    const limiter = createLimiter({ policies: concurrency(1), store })
    memory.consume([{ policy: limiter.policies[0] ?? concurrency(1), key: 'a', cost: 1, lease: 1 }])
    await expect(limiter.wait('a', { signal: controller.signal })).rejects.toBe('left')
  })

  it('has its result though the store never answers the release', async () => {
    const memory = memoryStore()
    const store = remoteView(memory, { refund: () => new Promise(() => undefined) })
    const limiter = createLimiter({ policies: concurrency(1), store, timeoutMs: 10 })
    const errors: unknown[] = []
    limiter.on('error', ({ error }) => errors.push(error))
    expect(await limiter.run('a', () => 'result')).toBe('result')
    expect(errors).toHaveLength(1)
  })
})
