import { createLimiter, fixedWindow, type Limiter, type Policy, type Store, tokenBucket } from '@sluice/core'
import { upstashStore } from '@sluice/upstash'
import { Ratelimit, type RatelimitConfig } from '@upstash/ratelimit'
import { Redis } from '@upstash/redis'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it, vi } from 'vitest'
import { aPrefix } from '../redis/stores.ts'
import { startUpstash, type UpstashServer } from '../redis/upstash-server.ts'
import { MINUTE, SECOND, START } from './scene.ts'

let server: UpstashServer
beforeAll(async () => {
  server = await startUpstash(inject('redisUrl'))
})
afterAll(() => server.stop())
// Both are told the time by this process; fetch keeps its own.
beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'], now: START }))
afterEach(() => vi.useRealTimers())

const client = (token = server.token) => new Redis({ url: server.url, token, retry: false, enableTelemetry: false })

/** Their scripts as any Redis runs them: without the first line, whose flag only Upstash's own servers know. */
function portable(redis: Redis) {
  const { evalsha, get, set } = redis
  const evaluate = (script: string, keys: string[], args: unknown[]) =>
    redis.eval(script.replace(/^#!.*/, ''), keys, args)
  return { evalsha, get, set, eval: evaluate }
}

const theirs = (limiter: RatelimitConfig['limiter'], options: Partial<RatelimitConfig> = {}) =>
  new Ratelimit({ redis: portable(client()), limiter, prefix: aPrefix(), enableTelemetry: false, ...options })

const ours = (
  policies: Policy | '2/min' | '10/min' | '20/min',
  store = upstashStore(client(), { clock: () => Date.now(), prefix: aPrefix() }),
) => createLimiter({ policies, store, timeoutMs: 10_000 })

const passes = async (ratelimit: Ratelimit, rate = 1) => (await ratelimit.limit('ann', { rate })).success
const allows = async (limiter: Limiter<Store>, cost = 1) => (await limiter.consume('ann', { cost })).allowed

describe('the same calls to @upstash/ratelimit and to Sluice', () => {
  it('are decided alike in a window that begins with a minute', async () => {
    const [their, our] = [theirs(Ratelimit.fixedWindow(3, '1 m')), ours(fixedWindow('3/min'))]
    const seen: [boolean, boolean][] = []
    for (const second of [0, 10, 30, 31, 59, 61, 61, 62, 90, 122, 122, 122, 122]) {
      vi.setSystemTime(START + second * SECOND)
      seen.push([await passes(their), await allows(our)])
    }
    expect(seen.map(([, allowed]) => allowed)).toEqual(seen.map(([success]) => success))
    expect(new Set(seen.flat())).toEqual(new Set([true, false]))
  })

  it('tell the same numbers', async () => {
    const [their, our] = [theirs(Ratelimit.fixedWindow(5, '1 m')), ours(fixedWindow('5/min'))]
    const { limit, remaining, reset } = await their.limit('ann', { rate: 2 })
    const { binding } = await our.consume('ann', { cost: 2 })
    expect([limit, remaining, reset]).toEqual([5, 3, START + MINUTE])
    expect([binding?.policy.quota, binding?.remaining, Date.now() + (binding?.resetAfterMs ?? 0)]).toEqual([
      5,
      3,
      START + MINUTE,
    ])
    expect((await their.getRemaining('ann')).remaining).toBe(3)
    expect((await our.peek('ann')).binding?.remaining).toBe(3)
  })

  it('forget a key', async () => {
    const [their, our] = [theirs(Ratelimit.fixedWindow(1, '1 m')), ours(fixedWindow('1/min'))]
    for (const expected of [true, false]) expect([await passes(their), await allows(our)]).toEqual([expected, expected])
    await their.resetUsedTokens('ann')
    await our.reset('ann')
    expect([await passes(their), await allows(our)]).toEqual([true, true])
  })

  it('give back', async () => {
    const [their, our] = [theirs(Ratelimit.fixedWindow(1, '1 m')), ours(fixedWindow('1/min'))]
    await their.limit('ann')
    const decision = await our.consume('ann')
    await their.limit('ann', { rate: -1 })
    await our.refund(decision)
    expect([await passes(their), await allows(our)]).toEqual([true, true])
    expect([await passes(their), await allows(our)]).toEqual([false, false])
  })
})

describe('a fixed window', () => {
  it('begins with the clock’s minute with @upstash/ratelimit, and with the first request with Sluice', async () => {
    const [their, our] = [theirs(Ratelimit.fixedWindow(2, '1 m')), ours(fixedWindow('2/min'))]
    const both = async () => [await passes(their), await allows(our)]
    vi.advanceTimersByTime(59 * SECOND)
    expect([await both(), await both(), await both()]).toEqual([
      [true, true],
      [true, true],
      [false, false],
    ])
    vi.advanceTimersByTime(2 * SECOND)
    expect([await both(), await both(), await both()]).toEqual([
      [true, false],
      [true, false],
      [false, false],
    ])
    vi.advanceTimersByTime(58 * SECOND)
    expect(await both()).toEqual([false, true])
  })
})

describe('a sliding window', () => {
  it('is weighed by the clock’s minutes with @upstash/ratelimit, and exact up to ten units with Sluice', async () => {
    const [their, our] = [theirs(Ratelimit.slidingWindow(2, '1 m')), ours('2/min')]
    const both = async () => [await passes(their), await allows(our)]
    vi.advanceTimersByTime(59 * SECOND)
    expect([await both(), await both()]).toEqual([
      [true, true],
      [true, true],
    ])
    // One second later a new minute has begun, and half a minute later half of the last one counts.
    vi.advanceTimersByTime(31 * SECOND)
    expect([await both(), await both()]).toEqual([
      [true, false],
      [false, false],
    ])
    // A minute after the two were taken, both are free again.
    vi.advanceTimersByTime(29 * SECOND)
    expect(await allows(our, 2)).toBe(true)
  })

  it('above ten units weighs the window before with both, from the clock’s minute and from the first request', async () => {
    const [their, our] = [theirs(Ratelimit.slidingWindow(20, '1 m')), ours('20/min')]
    expect([await passes(their, 15), await allows(our, 15)]).toEqual([true, true])
    // Half of the window before still overlaps: 7.5 units, rounded down and rounded to the nearest.
    vi.advanceTimersByTime(90 * SECOND)
    const count = async (pass: () => Promise<boolean>) => {
      let passed = 0
      while (passed < 30 && (await pass())) passed += 1
      return passed
    }
    expect([await count(() => passes(their)), await count(() => allows(our))]).toEqual([13, 12])
  })
})

describe('a token bucket', () => {
  it('is filled at the end of each interval by @upstash/ratelimit, and all the time by Sluice', async () => {
    const their = theirs(Ratelimit.tokenBucket(10, '10 s', 10), { ephemeralCache: false })
    const our = ours(tokenBucket('10/10s'))
    expect([await passes(their, 10), await allows(our, 10)]).toEqual([true, true])
    vi.advanceTimersByTime(5 * SECOND)
    expect([await passes(their, 5), await allows(our, 5)]).toEqual([false, true])
    vi.advanceTimersByTime(5 * SECOND)
    expect([await passes(their, 10), await allows(our, 5)]).toEqual([true, true])
  })

  it('holds maxTokens, or burst', async () => {
    const [their, our] = [theirs(Ratelimit.tokenBucket(1, '10 s', 5)), ours(tokenBucket('1/10s', { burst: 5 }))]
    for (const expected of [true, true, true, true, true, false]) {
      expect([await passes(their), await allows(our)]).toEqual([expected, expected])
    }
  })
})

describe('a denied request', () => {
  it('takes its tokens with @upstash/ratelimit, and nothing with Sluice', async () => {
    for (const limiter of [Ratelimit.fixedWindow(10, '1 m'), Ratelimit.slidingWindow(10, '1 m')]) {
      const [their, our] = [theirs(limiter, { ephemeralCache: false }), ours(fixedWindow('10/min'))]
      for (const [cost, theirAnswer, ourAnswer] of [
        [8, true, true],
        [5, false, false],
        [1, false, true],
      ] as const) {
        expect([await passes(their, cost), await allows(our, cost)]).toEqual([theirAnswer, ourAnswer])
      }
    }
  })
})

describe('a denied key', () => {
  it('costs no more HTTP requests with either', async () => {
    const [their, our] = [theirs(Ratelimit.fixedWindow(1, '1 m')), ours(fixedWindow('1/min'))]
    for (const [pass, expected] of [
      [() => passes(their), false],
      [() => allows(our), false],
    ] as const) {
      await pass()
      expect(await pass()).toBe(expected)
      const before = server.requests
      for (let i = 0; i < 5; i++) expect(await pass()).toBe(false)
      expect(server.requests - before).toBe(0)
    }
  })

  it('is asked for again after ten seconds by Sluice', async () => {
    const [their, our] = [theirs(Ratelimit.fixedWindow(1, '1 m')), ours(fixedWindow('1/min'))]
    for (const expected of [true, false]) expect([await passes(their), await allows(our)]).toEqual([expected, expected])
    vi.advanceTimersByTime(11 * SECOND)
    const before = server.requests
    expect(await passes(their)).toBe(false)
    expect(server.requests - before).toBe(0)
    expect(await allows(our)).toBe(false)
    expect(server.requests - before).toBe(1)
  })

  it('is denied whatever it costs by @upstash/ratelimit, and where it costs too much by Sluice', async () => {
    const [their, our] = [theirs(Ratelimit.tokenBucket(10, '1 m', 10)), ours(tokenBucket('10/min'))]
    for (const [cost, theirAnswer, ourAnswer] of [
      [8, true, true],
      [5, false, false],
      [1, false, true],
    ] as const) {
      expect([await passes(their, cost), await allows(our, cost)]).toEqual([theirAnswer, ourAnswer])
    }
  })
})

describe('a failing store', () => {
  it('rejects with @upstash/ratelimit; Sluice goes on limiting by its own memory', async () => {
    const their = theirs(Ratelimit.fixedWindow(1, '1 m'), { redis: client('wrong') })
    await expect(their.limit('ann')).rejects.toThrow('Unauthorized')
    const our = ours(fixedWindow('1/min'), upstashStore(client('wrong')))
    our.on('degraded', () => undefined)
    expect(await our.consume('ann')).toMatchObject({ allowed: true, degraded: true })
    expect(await our.consume('ann')).toMatchObject({ allowed: false, degraded: true })
    await our.close()
  })

  it('that is slow lets everybody pass with @upstash/ratelimit; Sluice goes on limiting by its own memory', async () => {
    const never = () => new Promise<never>(() => undefined)
    const their = theirs(Ratelimit.fixedWindow(1, '1 m'), {
      redis: { evalsha: never, get: never, set: never },
      timeout: 20,
      ephemeralCache: false,
    })
    for (let i = 0; i < 3; i++) expect(await their.limit('ann')).toMatchObject({ success: true, reason: 'timeout' })
    const slow: Store = {
      consume: never,
      consumeOnce: never,
      peek: never,
      edit: never,
      renew: never,
      readTexts: never,
      writeText: never,
      refund: never,
      reset: never,
      clear: never,
      close: () => undefined,
    }
    const our = createLimiter({ policies: '1/min', store: slow, timeoutMs: 20 })
    our.on('degraded', () => undefined)
    expect([await allows(our), await allows(our)]).toEqual([true, false])
    await our.close()
  })
})

describe('several limits on one call', () => {
  it('are several calls with @upstash/ratelimit, and one decision in one HTTP request with Sluice', async () => {
    const [perSecond, perMinute] = [theirs(Ratelimit.fixedWindow(1, '1 s')), theirs(Ratelimit.fixedWindow(3, '1 m'))]
    const our = createLimiter({
      policies: [fixedWindow('1/s'), fixedWindow('3/min')],
      store: upstashStore(client(), { clock: () => Date.now(), prefix: aPrefix() }),
      timeoutMs: 10_000,
    })
    await our.peek('warm')
    for (const expected of [true, false, false]) {
      const their = await Promise.all([perMinute.limit('ann'), perSecond.limit('ann')])
      const before = server.requests
      expect((await our.consume('ann')).allowed).toBe(expected)
      expect(server.requests - before).toBeLessThanOrEqual(1)
      expect(their.every(({ success }) => success)).toBe(expected)
    }
    expect((await perMinute.getRemaining('ann')).remaining).toBe(0)
    expect((await our.peek('ann')).standings[1]?.remaining).toBe(2)
  })
})

describe('waiting for a turn', () => {
  it('is done by blockUntilReady, and by the caller with Sluice', async () => {
    const their = theirs(Ratelimit.fixedWindow(1, '1 m'), { timeout: 0 })
    const our = ours(fixedWindow('1/min'))
    for (const expected of [true, false]) expect(await passes(their)).toBe(expected)
    expect(await allows(our)).toBe(true)
    const denied = await our.consume('ann')
    expect([denied.allowed, denied.retryAfterMs]).toEqual([false, MINUTE])
    vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout'], now: START })
    let settled = false
    const waiting = their.blockUntilReady('ann', 2 * MINUTE).finally(() => {
      settled = true
    })
    await vi.advanceTimersByTimeAsync(denied.retryAfterMs - 1)
    expect([settled, await allows(our)]).toEqual([false, false])
    // At the very end of the window @upstash/ratelimit still denies, and tries again a tenth of a second later.
    await vi.advanceTimersByTimeAsync(SECOND)
    expect(await waiting).toMatchObject({ success: true, remaining: 0 })
    expect(await allows(our)).toBe(true)
  })
})

describe('a duration', () => {
  it('is m for a minute, and a text with a slash with Sluice', async () => {
    const { limit, reset } = await theirs(Ratelimit.fixedWindow(5, '15 m')).limit('ann')
    const { binding } = await ours(fixedWindow('5/15m')).consume('ann')
    expect([limit, reset - START]).toEqual([5, 15 * MINUTE])
    expect([binding?.policy.quota, binding?.resetAfterMs]).toEqual([5, 15 * MINUTE])
  })
})
