import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { ConfigError, createLimiter, fixedWindow, memoryStore, type Store } from '../index.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const ban = { after: 3, within: '1min', for: '1h', max: '4h' } as const

/** Bans are written behind a request: what it waits for is done after a turn of the loop. */
const settled = () => vi.advanceTimersByTimeAsync(0)

beforeEach(() => {
  vi.useFakeTimers({ now: 1_800_000_000_000, toFake: ['Date', 'setTimeout', 'clearTimeout', 'performance'] })
})
afterEach(() => {
  vi.useRealTimers()
})

function limiterWith(store: Store = memoryStore()) {
  const limiter = createLimiter({ name: 'api', policies: fixedWindow('2/min'), ban, store })
  const banned = vi.fn()
  limiter.on('banned', banned)
  return { limiter, banned }
}

async function denials(limiter: ReturnType<typeof limiterWith>['limiter'], key: string, count: number) {
  await limiter.consume(key, { cost: 2 })
  for (let i = 0; i < count; i++) {
    expect((await limiter.consume(key)).allowed).toBe(false)
    await settled()
  }
}

describe('a ban', () => {
  it('begins with the last of so many denials, and shuts the key out for its time', async () => {
    const { limiter, banned } = limiterWith()
    await denials(limiter, 'a', 3)
    expect(banned).toHaveBeenCalledExactlyOnceWith({ limit: 'api', key: 'a', until: Date.now() + HOUR, times: 1 })
    await vi.advanceTimersByTimeAsync(2 * MINUTE)
    const denied = await limiter.consume('a')
    expect([denied.allowed, denied.retryAfterMs]).toEqual([false, HOUR - 2 * MINUTE])
    expect(denied.override).toMatchObject({ to: 'banned' })
    expect((await limiter.consume('b')).allowed).toBe(true)
    await vi.advanceTimersByTimeAsync(HOUR - 2 * MINUTE)
    expect((await limiter.consume('a')).allowed).toBe(true)
  })

  it('needs its denials within the time', async () => {
    const { limiter, banned } = limiterWith()
    await denials(limiter, 'a', 2)
    await vi.advanceTimersByTimeAsync(MINUTE)
    await denials(limiter, 'a', 2)
    expect(banned).not.toHaveBeenCalled()
  })

  it('lasts twice as long each time, up to the longest; and as the first again after a while', async () => {
    const { limiter, banned } = limiterWith()
    const lengths: number[] = []
    for (let time = 0; time < 4; time++) {
      const from = Date.now()
      await denials(limiter, 'a', 3)
      const { until } = banned.mock.lastCall?.[0] ?? {}
      lengths.push(until - from)
      await vi.advanceTimersByTimeAsync(until - Date.now())
    }
    expect(lengths).toEqual([HOUR, 2 * HOUR, 4 * HOUR, 4 * HOUR])
    await vi.advanceTimersByTimeAsync(4 * HOUR)
    await denials(limiter, 'a', 3)
    expect(banned.mock.lastCall?.[0].until).toBe(Date.now() + HOUR)
  })

  it('is shortened by nothing but unban', async () => {
    const { limiter } = limiterWith()
    await limiter.ban('a')
    await limiter.ban('a', { for: '1s' })
    await limiter.reset('a')
    await limiter.resetAll()
    await limiter.override('a', 'unlimited')
    await vi.advanceTimersByTimeAsync(10 * HOUR)
    const denied = await limiter.consume('a')
    expect([denied.allowed, denied.retryAfterMs]).toEqual([false, Number.POSITIVE_INFINITY])
    expect(await limiter.bans()).toEqual([{ key: 'a', until: null, times: 0 }])
    await limiter.unban('a')
    expect([(await limiter.consume('a')).allowed, await limiter.bans()]).toEqual([true, []])
  })

  it('by hand holds for its time, also for a key whose shorter ban has ended or has not', async () => {
    const { limiter, banned } = limiterWith()
    await denials(limiter, 'a', 3)
    await limiter.ban('a', { for: '2h' })
    expect(await limiter.bans()).toMatchObject([{ until: Date.now() + 2 * HOUR }])
    await vi.advanceTimersByTimeAsync(2 * HOUR)
    await denials(limiter, 'a', 3)
    await vi.advanceTimersByTimeAsync(banned.mock.lastCall?.[0].until - Date.now())
    expect((await limiter.peek('a')).allowed).toBe(true)
    await limiter.ban('a', { for: '1min' })
    expect((await limiter.peek('a')).retryAfterMs).toBe(MINUTE)
  })

  it('does not come of waiting', async () => {
    const limiter = createLimiter({ policies: '1/s', ban })
    const waits = Array.from({ length: 10 }, () => limiter.wait('a'))
    await vi.advanceTimersByTimeAsync(MINUTE)
    await Promise.all(waits)
    expect(await limiter.bans()).toEqual([])
  })

  it('by hand ends after its time', async () => {
    const { limiter } = limiterWith()
    await limiter.ban('a', { for: 90_000 })
    expect((await limiter.consume('a')).retryAfterMs).toBe(90_000)
    await vi.advanceTimersByTimeAsync(90_000)
    expect((await limiter.consume('a')).allowed).toBe(true)
  })

  it('is not lost however many other keys come', async () => {
    const store = memoryStore({ maxKeys: 100 })
    const { limiter } = limiterWith(store)
    await denials(limiter, 'a', 3)
    for (let i = 0; i < 10_000; i++) limiter.consume(`flood-${i}`)
    expect((await limiter.consume('a')).override).toMatchObject({ to: 'banned' })
    expect(store.size).toBeLessThanOrEqual(100)
  })

  it('of one of many limits concerns the others as little as their overrides do', async () => {
    const { limiter } = limiterWith()
    await limiter.override('b', '5/min')
    await limiter.ban('a')
    expect((await limiter.overrides()).map(({ key }) => key)).toEqual(['b'])
    expect((await limiter.bans()).map(({ key }) => key)).toEqual(['a'])
    for (let i = 0; i < 1_500; i++) await limiter.ban(`key-${i}`, { for: '1d' })
    expect(await limiter.bans()).toHaveLength(1_501)
    expect((await limiter.consume('key-1499')).allowed).toBe(false)
  })

  it.each([
    ['without its numbers', { after: 3 }, 'ban: needs after, within and for'],
    ['after no denial', { ...ban, after: 0 }, 'ban.after: expected a whole number from 1'],
    ['for no time', { ...ban, for: 'long' }, "ban.for: expected a time such as '15min', '1h' or 90_000"],
    ['with a longest shorter than the first', { ...ban, max: '1min' }, 'ban.max: expected a whole number from 3600000'],
    ['with a typo', { ...ban, witin: 1 }, 'ban has no option "witin". Did you mean "within"?'],
  ])('is refused %s', (_title, wrong, sentence) => {
    const make = () => createLimiter({ policies: '1/s', ban: wrong as never })
    expect(make).toThrow(ConfigError)
    expect(make).toThrow(sentence)
  })
})

describe('a ban in a store elsewhere', () => {
  beforeEach(() => {
    vi.useRealTimers()
  })

  it('costs a denied request one call more, and few while its denial is remembered', async () => {
    const inner = memoryStore()
    let calls = 0
    let remembers = false
    const later = async <T>(answer: T): Promise<T> => {
      calls += 1
      return answer
    }
    const store: Store = {
      consume: (asks) =>
        remembers && asks[0]?.policy.name === 'api' ? inner.consume(asks) : later(inner.consume(asks)),
      consumeOnce: (asks, once) => later(inner.consumeOnce(asks, once)),
      peek: (asks) => later(inner.peek(asks)),
      edit: (change) => later(inner.edit(change)),
      renew: (renewals) => later(inner.renew(renewals)),
      readTexts: async (known) => inner.readTexts(known),
      writeText: (entry) => later(inner.writeText(entry)),
      refund: (returns) => later(inner.refund(returns)),
      reset: (policies, keys) => later(inner.reset(policies, keys)),
      clear: (policies) => later(inner.clear(policies)),
      close: () => inner.close(),
    }
    const limiter = createLimiter({ name: 'api', policies: '1/min', ban: { ...ban, after: 100 }, store })
    const banned = vi.fn()
    limiter.on('banned', banned)
    await limiter.consume('a')
    expect(calls).toBe(1)
    await limiter.consume('a')
    expect(calls).toBe(3)
    remembers = true
    for (let i = 0; i < 98; i++) {
      await limiter.consume('a')
      await pause(0)
    }
    expect([banned.mock.calls.length, calls]).toEqual([0, 9])
    await limiter.consume('a')
    await pause(5)
    expect(banned).toHaveBeenCalledTimes(1)
    expect((await limiter.consume('a')).override).toMatchObject({ to: 'banned' })
  })
})
