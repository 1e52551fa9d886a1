import {
  ConfigError,
  createLimiter,
  fixedWindow,
  KeyError,
  type Limiter,
  leakyBucket,
  type Store,
  tokenBucket,
} from '@sluice/core'
import { redisStore } from '@sluice/redis'
import { Redis } from 'ioredis'
import {
  BurstyRateLimiter,
  RateLimiterMemory,
  RateLimiterRedis,
  RateLimiterRes,
  RateLimiterUnion,
  RLWrapperBlackAndWhite,
} from 'rate-limiter-flexible'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it, vi } from 'vitest'
import { aPrefix } from '../redis/stores.ts'
import { GAPS, MINUTE, SECOND, stopClocks, unreachableStore } from './scene.ts'

let redis: Redis
beforeAll(() => {
  redis = new Redis(inject('redisUrl'))
})
afterAll(() => redis.quit())
beforeEach(() => stopClocks())
afterEach(() => vi.useRealTimers())

interface Consumer {
  consume(key: string, points?: number): Promise<unknown>
}

/** Whether rate-limiter-flexible lets it pass: it rejects where it does not. */
async function passes(limiter: Consumer, key: string, points?: number): Promise<boolean> {
  try {
    await limiter.consume(key, points)
    return true
  } catch (reason) {
    if (reason instanceof Error) throw reason
    return false
  }
}

async function allows(limiter: Limiter<Store>, key: string, cost = 1): Promise<boolean> {
  return (await limiter.consume(key, { cost })).allowed
}

describe('the same calls to rate-limiter-flexible and to Sluice', () => {
  it('are decided alike', async () => {
    const theirs = new RateLimiterMemory({ points: 3, duration: 60 })
    const ours = createLimiter({ policies: fixedWindow('3/min') })
    const seen: [boolean, boolean][] = []
    for (const gap of GAPS) {
      vi.advanceTimersByTime(gap)
      seen.push([await passes(theirs, 'ann'), await allows(ours, 'ann')])
    }
    expect(seen.map(([, allowed]) => allowed)).toEqual(seen.map(([passed]) => passed))
    expect(new Set(seen.flat())).toEqual(new Set([true, false]))
  })

  it('are decided alike over Redis', async () => {
    const theirs = new RateLimiterRedis({ storeClient: redis, keyPrefix: aPrefix(), points: 2, duration: 60 })
    const ours = createLimiter({
      policies: fixedWindow('2/min'),
      store: redisStore(redis, { prefix: aPrefix() }),
      timeoutMs: 10_000,
    })
    for (const key of ['ann', 'bob']) {
      for (const expected of [true, true, false, false]) {
        expect([await passes(theirs, key), await allows(ours, key)]).toEqual([expected, expected])
      }
    }
  })

  it('tell the same numbers', async () => {
    const theirs = new RateLimiterMemory({ points: 5, duration: 60 })
    const ours = createLimiter({ policies: fixedWindow('5/min') })
    await theirs.consume('ann', 2)
    ours.consume('ann', { cost: 2 })
    vi.advanceTimersByTime(20 * SECOND)
    const their = await theirs.consume('ann')
    const our = ours.consume('ann').binding
    expect([their.remainingPoints, their.consumedPoints, their.msBeforeNext]).toEqual([2, 3, 40 * SECOND])
    expect([our?.remaining, our?.used, our?.resetAfterMs]).toEqual([2, 3, 40 * SECOND])
    const [theirLook, ourLook] = [await theirs.get('ann'), ours.peek('ann').binding]
    expect([theirLook?.remainingPoints, ourLook?.remaining]).toEqual([2, 2])
  })

  it('tell a denied caller the same wait', async () => {
    const theirs = new RateLimiterMemory({ points: 1, duration: 60 })
    const ours = createLimiter({ policies: fixedWindow('1/min') })
    expect([await passes(theirs, 'ann'), await allows(ours, 'ann')]).toEqual([true, true])
    vi.advanceTimersByTime(15 * SECOND)
    await expect(theirs.consume('ann')).rejects.toMatchObject({ msBeforeNext: 45 * SECOND })
    expect(ours.consume('ann').retryAfterMs).toBe(45 * SECOND)
  })

  it('give back and forget', async () => {
    const theirs = new RateLimiterMemory({ points: 2, duration: 60 })
    const ours = createLimiter({ policies: fixedWindow('2/min') })
    await theirs.consume('ann', 2)
    const decision = ours.consume('ann', { cost: 2 })
    await theirs.reward('ann', 1)
    ours.refund(decision, { cost: 1 })
    expect([(await theirs.get('ann'))?.remainingPoints, ours.peek('ann').binding?.remaining]).toEqual([1, 1])
    await theirs.delete('ann')
    ours.reset('ann')
    expect([await passes(theirs, 'ann', 2), await allows(ours, 'ann', 2)]).toEqual([true, true])
  })
})

describe('a denial', () => {
  it('rejects with rate-limiter-flexible, and is an answer with Sluice', async () => {
    const theirs = new RateLimiterMemory({ points: 1, duration: 60 })
    const ours = createLimiter({ policies: '1/min' })
    await theirs.consume('ann')
    ours.consume('ann')
    await expect(theirs.consume('ann')).rejects.toBeInstanceOf(RateLimiterRes)
    expect(ours.consume('ann')).toMatchObject({ allowed: false, retryAfterMs: MINUTE })
  })

  it('takes its points with rate-limiter-flexible, and nothing with Sluice', async () => {
    const theirs = new RateLimiterMemory({ points: 5, duration: 60 })
    const ours = createLimiter({ policies: fixedWindow('5/min') })
    for (const [cost, their, our] of [
      [3, true, true],
      [4, false, false],
      [1, false, true],
    ] as const) {
      expect([await passes(theirs, 'ann', cost), await allows(ours, 'ann', cost)]).toEqual([their, our])
    }
  })
})

describe('an answer', () => {
  it('is a promise with rate-limiter-flexible, and comes at once from the memory of Sluice', () => {
    expect(new RateLimiterMemory({ points: 1, duration: 60 }).consume('ann')).toBeInstanceOf(Promise)
    expect(createLimiter({ policies: '1/min' }).consume('ann').allowed).toBe(true)
  })

  it('about a new key is null with rate-limiter-flexible, and a decision with Sluice', async () => {
    expect(await new RateLimiterMemory({ points: 5, duration: 60 }).get('new')).toBeNull()
    expect(createLimiter({ policies: '5/min' }).peek('new').binding).toMatchObject({ remaining: 5, used: 0 })
  })
})

describe('the window', () => {
  it('begins anew at its end with rate-limiter-flexible, and slides with a text', async () => {
    const theirs = new RateLimiterMemory({ points: 2, duration: 60 })
    const ours = createLimiter({ policies: '2/min' })
    const both = async () => [await passes(theirs, 'ann'), await allows(ours, 'ann')]
    expect(await both()).toEqual([true, true])
    vi.advanceTimersByTime(50 * SECOND)
    expect(await both()).toEqual([true, true])
    vi.advanceTimersByTime(11 * SECOND)
    expect(await both()).toEqual([true, true])
    expect(await both()).toEqual([true, false])
  })

  it('may be endless with rate-limiter-flexible, and has a length with Sluice', async () => {
    const theirs = new RateLimiterMemory({ points: 1, duration: 0 })
    expect(await passes(theirs, 'ann')).toBe(true)
    vi.advanceTimersByTime(365 * 24 * 60 * MINUTE)
    expect(await passes(theirs, 'ann')).toBe(false)
    expect(() => fixedWindow({ quota: 1, windowMs: 0 })).toThrow(ConfigError)
  })
})

describe('several limits on one call', () => {
  it('are separate counters in a RateLimiterUnion, and one decision with Sluice', async () => {
    const perSecond = new RateLimiterMemory({ keyPrefix: 'second', points: 1, duration: 1 })
    const perMinute = new RateLimiterMemory({ keyPrefix: 'minute', points: 3, duration: 60 })
    const theirs = new RateLimiterUnion(perSecond, perMinute)
    const ours = createLimiter({ policies: [fixedWindow('1/s'), fixedWindow('3/min')] })
    for (const expected of [true, false, false]) {
      expect([await passes(theirs, 'ann'), await allows(ours, 'ann')]).toEqual([expected, expected])
    }
    expect((await perMinute.get('ann'))?.remainingPoints).toBe(0)
    expect(ours.peek('ann').standings[1]?.remaining).toBe(2)
  })
})

describe('a penalty', () => {
  it('is taken from a used-up key by rate-limiter-flexible, and not by consume', async () => {
    const theirs = new RateLimiterMemory({ points: 2, duration: 60 })
    const ours = createLimiter({ policies: fixedWindow('2/min') })
    await theirs.consume('ann', 2)
    ours.consume('ann', { cost: 2 })
    expect((await theirs.penalty('ann', 3)).consumedPoints).toBe(5)
    ours.consume('ann', { cost: 3 })
    expect(ours.peek('ann').binding?.used).toBe(2)
  })
})

describe('a reward', () => {
  it('may make a credit with rate-limiter-flexible; a refund gives back no more than was taken', async () => {
    const theirs = new RateLimiterMemory({ points: 2, duration: 60 })
    const ours = createLimiter({ policies: fixedWindow('2/min') })
    await theirs.consume('ann')
    await theirs.reward('ann', 3)
    expect((await theirs.get('ann'))?.remainingPoints).toBe(4)
    const decision = ours.consume('ann')
    for (let i = 0; i < 3; i++) ours.refund(decision)
    expect(ours.peek('ann').binding?.remaining).toBe(2)
  })
})

describe('a block', () => {
  it('outlasts the window with rate-limiter-flexible; Sluice denies until the window allows', async () => {
    const theirs = new RateLimiterMemory({ points: 1, duration: 1, blockDuration: 300 })
    const ours = createLimiter({ policies: fixedWindow('1/s') })
    for (const expected of [true, false]) {
      expect([await passes(theirs, 'ann'), await allows(ours, 'ann')]).toEqual([expected, expected])
    }
    vi.advanceTimersByTime(2 * SECOND)
    expect([await passes(theirs, 'ann'), await allows(ours, 'ann')]).toEqual([false, true])
  })
})

describe('a burst', () => {
  it('is a second window for a BurstyRateLimiter, and the size of the bucket for tokenBucket', async () => {
    const theirs = new BurstyRateLimiter(
      new RateLimiterMemory({ points: 2, duration: 1 }),
      new RateLimiterMemory({ keyPrefix: 'burst', points: 3, duration: 10 }),
    )
    const ours = createLimiter({ policies: tokenBucket('2/s', { burst: 5 }) })
    const many = async (count: number) => {
      let [their, our] = [0, 0]
      for (let i = 0; i < count; i++) {
        if (await passes(theirs, 'ann')) their += 1
        if (await allows(ours, 'ann')) our += 1
      }
      return [their, our]
    }
    expect(await many(8)).toEqual([5, 5])
    vi.advanceTimersByTime(SECOND)
    expect(await many(8)).toEqual([2, 2])
    vi.advanceTimersByTime(9 * SECOND)
    // Ten seconds after the first call, their burst is whole again at once; the bucket has filled since the last call.
    expect(await many(8)).toEqual([5, 5])
  })
})

describe('evenly spaced calls', () => {
  it('are delayed inside consume by execEvenly, and by the caller with leakyBucket', async () => {
    vi.useFakeTimers()
    const theirs = new RateLimiterMemory({ points: 4, duration: 1, execEvenly: true })
    const ours = createLimiter({ policies: leakyBucket('4/s', { queue: 3 }) })
    await theirs.consume('ann')
    let resolved = false
    const second = theirs.consume('ann').then(() => {
      resolved = true
    })
    await vi.advanceTimersByTimeAsync(249)
    expect(resolved).toBe(false)
    await vi.advanceTimersByTimeAsync(1)
    await second
    expect(resolved).toBe(true)
    expect(
      Array.from({ length: 5 }, () => ours.consume('ann')).map(({ allowed, delayMs }) => [allowed, delayMs]),
    ).toEqual([
      [true, 0],
      [true, 250],
      [true, 500],
      [true, 750],
      [false, 0],
    ])
  })
})

describe('a failing store', () => {
  const dead = {
    ratelimiter: undefined,
    defineCommand: () => undefined,
    rlflxIncr: () => Promise.reject(new Error('unreachable')),
  }

  it('rejects with rate-limiter-flexible; Sluice goes on limiting by its own memory', async () => {
    const theirs = new RateLimiterRedis({ storeClient: dead, points: 1, duration: 60 })
    await expect(theirs.consume('ann')).rejects.toThrow('unreachable')
    const ours = createLimiter({ policies: '1/min', store: unreachableStore() })
    ours.on('degraded', () => undefined)
    expect(await ours.consume('ann')).toMatchObject({ allowed: true, degraded: true })
    expect(await ours.consume('ann')).toMatchObject({ allowed: false, degraded: true })
    await ours.close()
  })

  it('is insured by a second limiter with rate-limiter-flexible, and without one with Sluice', async () => {
    const theirs = new RateLimiterRedis({
      storeClient: dead,
      points: 4,
      duration: 60,
      insuranceLimiter: new RateLimiterMemory({ points: 2, duration: 60 }),
    })
    const ours = createLimiter({ policies: fixedWindow('4/min'), store: unreachableStore(), instances: 2 })
    ours.on('degraded', () => undefined)
    for (const expected of [true, true, false]) {
      expect([await passes(theirs, 'ann'), await allows(ours, 'ann')]).toEqual([expected, expected])
    }
    await ours.close()
  })
})

describe('a key', () => {
  it('may be a number with rate-limiter-flexible, and is a string with Sluice', async () => {
    expect((await new RateLimiterMemory({ points: 5, duration: 60 }).consume(7)).remainingPoints).toBe(4)
    expect(() => createLimiter({ policies: '5/min' }).consume(7 as unknown as string)).toThrow(KeyError)
  })

  it('that is on a list is decided without counting by RLWrapperBlackAndWhite, and by your own condition', async () => {
    const theirs = new RLWrapperBlackAndWhite({
      limiter: new RateLimiterMemory({ points: 1, duration: 60 }),
      whiteList: ['health'],
      blackList: ['mallory'],
    })
    const limiter = createLimiter({ policies: '1/min' })
    const ours = (key: string) => key === 'health' || (key !== 'mallory' && limiter.consume(key).allowed)
    for (const key of ['health', 'health', 'mallory', 'ann', 'ann']) {
      expect(ours(key)).toBe(await passes(theirs, key))
    }
  })
})
