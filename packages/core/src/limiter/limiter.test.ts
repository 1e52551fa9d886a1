import { describe, expect, expectTypeOf, it, vi } from 'vitest'
import {
  ConfigError,
  CostError,
  createLimiter,
  type Decision,
  KeyError,
  leakyBucket,
  memoryStore,
  type Store,
  slidingWindow,
  tokenBucket,
} from '../index.ts'

describe('a limiter over the memory store', () => {
  it('answers at once, and its type says so', () => {
    const limiter = createLimiter({ policies: '2/min' })
    const decision = limiter.consume('a')
    expectTypeOf(decision).toEqualTypeOf<Decision>()
    expect(decision).toMatchObject({ allowed: true, key: 'a', cost: 1, retryAfterMs: 0 })
    expect(limiter.consume('a').allowed).toBe(true)
    expect(limiter.consume('a').allowed).toBe(false)
    expect(limiter.consume('b').allowed).toBe(true)
  })

  it('peeks without taking', () => {
    const limiter = createLimiter({ policies: '1/min' })
    expect(limiter.peek('a').allowed).toBe(true)
    expect(limiter.peek('a', { cost: 2 }).allowed).toBe(false)
    expect(limiter.consume('a').allowed).toBe(true)
    expect(limiter.peek('a').allowed).toBe(false)
  })

  it('follows the fake timers of an application’s tests', () => {
    vi.useFakeTimers()
    const limiter = createLimiter({ policies: '1/s' })
    expect([limiter.consume('a').allowed, limiter.consume('a').allowed]).toEqual([true, false])
    vi.advanceTimersByTime(2_000)
    expect(limiter.consume('a').allowed).toBe(true)
    vi.useRealTimers()
  })

  it('gives back by the receipt, in parts, and no more than was taken', () => {
    const limiter = createLimiter({ policies: '10/min', store: memoryStore({ clock: () => 0 }) })
    const receipt = limiter.consume('a', { cost: 6 })
    limiter.refund(receipt, { cost: 2 })
    expect(limiter.peek('a').standings[0]?.remaining).toBe(6)
    limiter.refund(receipt)
    limiter.refund(receipt)
    expect(limiter.peek('a').standings[0]?.remaining).toBe(10)
  })

  it('gives nothing back for a denial', () => {
    const limiter = createLimiter({ policies: '1/min' })
    limiter.consume('a')
    limiter.refund(limiter.consume('a'))
    expect(limiter.peek('a').allowed).toBe(false)
  })

  it('forgets a key on reset', () => {
    const limiter = createLimiter({ policies: ['1/min', '1/day'] })
    limiter.consume('a')
    limiter.reset('a')
    expect(limiter.consume('a').allowed).toBe(true)
  })

  it.each(['__proto__', 'constructor', 'toString', ' ', '\0', 'ü', '\ud800', 'x'.repeat(1_000_000)])(
    'takes a key for a key (%#)',
    (key) => {
      const limiter = createLimiter({ policies: '1/min' })
      expect(limiter.consume(key).allowed).toBe(true)
      expect(limiter.consume(key).allowed).toBe(false)
      expect(limiter.consume(`${key}!`).allowed).toBe(true)
    },
  )

  it.each([Number.NaN, 1.5, -1, Number.POSITIVE_INFINITY, '1', null])(
    'refuses a cost of %o and takes nothing',
    (cost) => {
      const limiter = createLimiter({ policies: '1/min' })
      expect(() => limiter.consume('a', { cost: cost as number })).toThrow(CostError)
      expect(limiter.consume('a').allowed).toBe(true)
    },
  )

  it.each([3, { costs: 2 }, { points: 5 }])('refuses %o for options, as other limiters take them', (options) => {
    const limiter = createLimiter({ policies: '1/min' })
    expect(() => limiter.consume('a', options as never)).toThrow(ConfigError)
    expect(limiter.consume('a').allowed).toBe(true)
  })

  it.each([undefined, null, 7, {}, ''])('refuses %o for a key', (key) => {
    expect(() => createLimiter({ policies: '1/min' }).consume(key as never)).toThrow(KeyError)
  })

  it('binds by the policy that waits longest, or has the least share left', () => {
    const limiter = createLimiter({
      policies: [slidingWindow('10/s', { name: 'second' }), slidingWindow('12/min', { name: 'minute' })],
      store: memoryStore({ clock: () => 0 }),
    })
    expect(limiter.consume('a', { cost: 5 }).binding?.policy.name).toBe('second')
    const denied = limiter.consume('a', { cost: 8 })
    expect(denied.allowed).toBe(false)
    expect(denied.binding?.policy.name).toBe('minute')
    expect(denied.retryAfterMs).toBe(Math.max(...denied.standings.map((one) => one.retryAfterMs)))
  })

  it('tells how long a leaky bucket holds a request: each the spacing after the one before', () => {
    let now = 0
    const limiter = createLimiter({
      policies: leakyBucket('10/s', { queue: 3 }),
      store: memoryStore({ clock: () => now }),
    })
    const delays = Array.from({ length: 5 }, () => limiter.consume('a')).map((one) =>
      one.allowed ? one.delayMs : 'denied',
    )
    expect(delays).toEqual([0, 100, 200, 300, 'denied'])
    now = 250
    expect(limiter.consume('a').delayMs).toBe(150)
  })

  it('lets a token bucket burst, then spaces by its rate', () => {
    let now = 0
    const limiter = createLimiter({
      policies: tokenBucket('3/s', { burst: 5 }),
      store: memoryStore({ clock: () => now }),
    })
    expect(limiter.consume('a', { cost: 5 }).allowed).toBe(true)
    expect(limiter.consume('a').retryAfterMs).toBe(334)
    now = 333
    expect(limiter.consume('a').allowed).toBe(false)
    now = 334
    expect(limiter.consume('a').allowed).toBe(true)
  })
})

describe('a limiter over a store that answers later', () => {
  it('answers with promises, unless it need not be asked, and its type says so', async () => {
    const inner = memoryStore()
    const store = {
      consume: async (...asked: Parameters<Store['consume']>) => inner.consume(...asked),
      peek: async (...asked: Parameters<Store['peek']>) => inner.peek(...asked),
      consumeOnce: async (...asked: Parameters<Store['consumeOnce']>) => inner.consumeOnce(...asked),
      edit: async (...asked: Parameters<Store['edit']>) => inner.edit(...asked),
      renew: async (...asked: Parameters<Store['renew']>) => inner.renew(...asked),
      readTexts: async (...asked: Parameters<Store['readTexts']>) => inner.readTexts(...asked),
      writeText: async (...asked: Parameters<Store['writeText']>) => inner.writeText(...asked),
      refund: async (...asked: Parameters<Store['refund']>) => inner.refund(...asked),
      reset: async (...asked: Parameters<Store['reset']>) => inner.reset(...asked),
      clear: async (...asked: Parameters<Store['clear']>) => inner.clear(...asked),
      close: async () => inner.close(),
    }
    const limiter = createLimiter({ policies: '1/min', store })
    const decision = limiter.consume('a')
    expectTypeOf(decision).toEqualTypeOf<Decision | Promise<Decision>>()
    expect((await decision).allowed).toBe(true)
    expect((await limiter.peek('a')).allowed).toBe(false)
    await limiter.refund(await decision)
    expect((await limiter.peek('a')).allowed).toBe(true)
    await limiter.reset('a')
    await limiter.close()
  })

  it('may answer either way when its store is chosen by URL', () => {
    const limiter = createLimiter({ policies: '1/min', store: 'memory:' as string })
    expectTypeOf(limiter.consume('a')).toEqualTypeOf<Decision | Promise<Decision>>()
  })
})

describe('the events of a limiter', () => {
  it('are its decisions, denials and warnings, with its name', () => {
    const limiter = createLimiter({ policies: '2/min', name: 'jobs', warnAt: 0.5 })
    const heard: unknown[] = []
    limiter.on('decision', ({ limit, decision, request }) => heard.push(['decision', limit, decision.allowed, request]))
    limiter.on('denied', ({ limit, route, shadow }) => heard.push(['denied', limit, route, shadow]))
    limiter.on('warning', ({ limit, key, share }) => heard.push(['warning', limit, key, share]))
    limiter.consume('a')
    limiter.peek('a')
    limiter.consume('a')
    limiter.consume('a')
    expect(heard).toEqual([
      ['decision', 'jobs', true, undefined],
      ['warning', 'jobs', 'a', 0.5],
      ['decision', 'jobs', true, undefined],
      ['decision', 'jobs', false, undefined],
      ['denied', 'jobs', undefined, false],
    ])
  })

  it('come after a store that answers later, too', async () => {
    const inner = memoryStore()
    const store: Store = Object.assign(Object.create(inner), {
      consume: async (asks: never) => inner.consume(asks),
      readTexts: (known: string) => inner.readTexts(known),
    })
    const limiter = createLimiter({ policies: '1/min', store })
    const heard = vi.fn()
    limiter.on('decision', heard)
    await limiter.consume('a')
    expect(heard).toHaveBeenCalledTimes(1)
  })
})

describe('a decision as JSON', () => {
  it('has no time that a date cannot say', () => {
    const limiter = createLimiter({ policies: tokenBucket({ quota: 1, windowMs: 1e13 }, { burst: 900 }) })
    expect(limiter.consume('a', { cost: 900 }).toJSON().policies[0]?.resetAt).toBe(null)
  })

  it('has names and numbers for clients, and no keys', () => {
    vi.useFakeTimers({ now: 0 })
    const limiter = createLimiter({
      policies: ['5/min', tokenBucket('10 tokens/s')],
      name: 'api',
      store: memoryStore({ clock: () => 0 }),
    })
    const decision = limiter.consume('secret-key', { cost: 2 })
    expect(decision.standings.map(({ used }) => used)).toEqual([2, 2])
    expect(JSON.parse(JSON.stringify(decision))).toEqual({
      allowed: true,
      retryAfterMs: 0,
      policies: [
        ['api-1min', 5, 'requests', 60_000, 3, '1970-01-01T00:01:00.000Z'],
        ['api-1s', 10, 'tokens', 1_000, 8, '1970-01-01T00:00:00.200Z'],
      ].map(([name, quota, unit, windowMs, remaining, resetAt]) => ({
        ...{ name, quota, unit, windowMs, used: 2, remaining, resetAt },
      })),
    })
    vi.useRealTimers()
  })
})
