import { randomUUID } from 'node:crypto'
import { fixedWindow, memoryStore, type Policy, type RateLimitError, slidingLog, sluice } from '@sluice/koa'
import { redisStore } from '@sluice/redis'
import { Redis } from 'ioredis'
import Koa, { type Middleware } from 'koa'
import request from 'supertest'
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it, vi } from 'vitest'
import { aPrefix } from '../redis/stores.ts'
import { GAPS, limitFields, MINUTE, SECOND, statuses, stopClocks, unreachableStore } from './scene.ts'

type RateLimit = typeof import('koa-ratelimit').default
type Options = NonNullable<Parameters<RateLimit>[0]>

let ratelimit: RateLimit
let redis: Redis

// koa-ratelimit reads the clock once when it is loaded, and counts from there.
beforeAll(async () => {
  stopClocks()
  ratelimit = (await import('koa-ratelimit')).default
  redis = new Redis(inject('redisUrl'))
})
beforeEach(() => {
  if (!vi.isFakeTimers()) stopClocks()
})
afterAll(async () => {
  vi.useRealTimers()
  await redis.quit()
})

const serving = (...limits: Middleware[]) => {
  const app = new Koa({ proxy: true, maxIpsCount: 1 })
  app.silent = true
  for (const limit of limits) app.use(limit)
  return app
    .use((ctx) => {
      ctx.body = 'ok'
    })
    .callback()
}

const theirs = (options: Options) =>
  ratelimit({ driver: 'memory', db: new Map(), duration: MINUTE, headers: {}, ...options })

describe('the same app with koa-ratelimit and with Sluice', () => {
  it('answers the same requests with the same statuses over memory', async () => {
    await expectSame(serving(theirs({ max: 3 })), serving(sluice()(fixedWindow('3/min'))))
  })

  it('answers the same requests with the same statuses over Redis', async () => {
    const namespace = aPrefix()
    const store = redisStore(redis, { prefix: aPrefix(), clock: () => Date.now() })
    await expectSame(
      serving(theirs({ driver: 'redis', db: redis, namespace, max: 3 })),
      serving(sluice({ store, timeoutMs: 10_000 })(slidingLog('3/min'), { name: 'home' })),
    )
  })

  it('sends the same fields but for the fractions of a second', async () => {
    const their = await request(serving(theirs({ max: 5 }))).get('/')
    const our = await request(serving(sluice({ headers: 'legacy' })(fixedWindow('5/min')))).get('/')
    expect(limitFields(our.headers)).toEqual({
      ...limitFields(their.headers),
      'x-ratelimit-reset': String(Math.ceil(Number(their.headers['x-ratelimit-reset']))),
    })
  })

  it('limits by key, and lets the allowed and the uncounted pass', async () => {
    const their = theirs({
      max: 1,
      id: (ctx) => (ctx.get('x-user') === 'robot' ? false : ctx.get('x-user')),
      whitelist: (ctx) => ctx.get('x-user') === 'health',
    })
    const our = sluice()('1/min', {
      key: (ctx) => ctx.get('x-user'),
      skip: (ctx) => ['robot', 'health'].includes(ctx.get('x-user')),
    })
    for (const limit of [their, our]) {
      const seen: number[] = []
      for (const user of ['ann', 'ann', 'bob', 'robot', 'robot', 'health', 'health']) {
        seen.push((await request(serving(limit)).get('/').set('x-user', user)).status)
      }
      expect(seen).toEqual([200, 429, 200, 200, 200, 200, 200])
    }
  })

  it('replaces the response', async () => {
    const their = theirs({ max: 1, status: 503, errorMessage: { error: 'slow down' } })
    const our = sluice({ response: () => ({ status: 503, body: { error: 'slow down' } }) })('1/min')
    for (const limit of [their, our]) {
      expect(await statuses(serving(limit), 1)).toEqual([200])
      const { status, body } = await request(serving(limit)).get('/')
      expect([status, body]).toEqual([503, { error: 'slow down' }])
    }
  })

  it('says which requests it denies', async () => {
    const heard: string[] = []
    const their = theirs({ max: 1, onLimited: (ctx) => heard.push(ctx.path) })
    const limit = sluice()
    limit.on('denied', ({ request: ctx }) => heard.push(ctx.path))
    for (const one of [their, limit('1/min')]) {
      expect(await statuses(serving(one), 2)).toEqual([200, 429])
      expect(heard.splice(0)).toEqual(['/'])
    }
  })

  it("throws what it denies, with throw: true and with deny: 'error'", async () => {
    for (const limit of [theirs({ max: 1, throw: true }), sluice({ deny: 'error' })('1/min')]) {
      const caught: unknown[] = []
      const catches: Middleware = async (ctx, next) => {
        try {
          await next()
        } catch (error) {
          caught.push(error)
          ctx.status = (error as RateLimitError).status
        }
      }
      expect(await statuses(serving(catches, limit), 2)).toEqual([200, 429])
      expect(caught).toMatchObject([{ status: 429, expose: true }])
    }
  })
})

describe('the window', () => {
  const at0At50At61 = async (limit: Middleware): Promise<number[]> => {
    const seen = await statuses(serving(limit), 1)
    vi.advanceTimersByTime(50 * SECOND)
    seen.push(...(await statuses(serving(limit), 1)))
    vi.advanceTimersByTime(11 * SECOND)
    return [...seen, ...(await statuses(serving(limit), 2))]
  }

  it('of koa-ratelimit is fixed over memory, and slides over Redis', async () => {
    const overRedis = theirs({ driver: 'redis', db: redis, namespace: aPrefix(), max: 2 })
    expect(await at0At50At61(theirs({ max: 2 }))).toEqual([200, 200, 200, 200])
    expect(await at0At50At61(overRedis)).toEqual([200, 200, 200, 429])
  })

  it('of Sluice is the same over memory and over Redis', async () => {
    const policies: [Policy | '2/min', number][] = [
      [fixedWindow('2/min'), 200],
      ['2/min', 429],
    ]
    for (const [policy, last] of policies) {
      const overMemory = sluice({ store: memoryStore() })
      const overRedis = sluice({
        store: redisStore(redis, { prefix: aPrefix(), clock: () => Date.now() }),
        timeoutMs: 10_000,
      })
      expect(await at0At50At61(overMemory(policy, { name: 'home' }))).toEqual([200, 200, 200, last])
      expect(await at0At50At61(overRedis(policy, { name: 'home' }))).toEqual([200, 200, 200, last])
    }
  })
})

describe('the header fields', () => {
  it('are X-RateLimit with koa-ratelimit, and the newest draft with Sluice', async () => {
    const their = await request(serving(theirs({ max: 5 }))).get('/')
    const our = await request(serving(sluice()(fixedWindow('5/min')))).get('/')
    expect(Object.keys(limitFields(their.headers)).sort()).toEqual([
      'x-ratelimit-limit',
      'x-ratelimit-remaining',
      'x-ratelimit-reset',
    ])
    expect(limitFields(our.headers)).toEqual({
      'ratelimit-policy': '"default";q=5;w=60',
      ratelimit: '"default";r=4;t=60',
    })
  })

  it('may have names of their own with koa-ratelimit', async () => {
    const their = await request(serving(theirs({ max: 5, headers: { remaining: 'Left' } }))).get('/')
    expect(their.headers['left']).toBe('4')
    expect(() => sluice({ headers: { remaining: 'Left' } as never })).toThrow('headers')
  })
})

describe('Retry-After', () => {
  const afterWaiting = async (limit: Middleware): Promise<number[]> => {
    const app = serving(limit)
    expect(await statuses(app, 1)).toEqual([200])
    vi.advanceTimersByTime(500)
    const denied = await request(app).get('/')
    const wait = Number(denied.headers['retry-after'])
    vi.advanceTimersByTime(wait * SECOND)
    return [wait, ...(await statuses(app, 1))]
  }

  it('is rounded down by koa-ratelimit, so that a client who waits so long is denied again', async () => {
    expect(await afterWaiting(theirs({ max: 1 }))).toEqual([59, 429])
  })

  it('is rounded up by Sluice, so that a client who waits so long passes', async () => {
    expect(await afterWaiting(sluice()('1/min'))).toEqual([60, 200])
  })
})

describe('the body of a denial', () => {
  it('is a sentence with koa-ratelimit, and a problem document with Sluice', async () => {
    const [their, our] = [serving(theirs({ max: 1 })), serving(sluice()('1/min'))]
    for (const app of [their, our]) expect(await statuses(app, 1)).toEqual([200])
    const sentence = await request(their).get('/')
    expect([sentence.type, sentence.text]).toEqual(['text/plain', 'Rate limit exceeded, retry in 1 minute.'])
    expect((await request(our).get('/')).type).toBe('application/problem+json')
  })
})

describe('ctx.state.rateLimit', () => {
  const noting = (notes: unknown[]): Middleware => {
    return async (ctx, next) => {
      await next()
      notes.push(ctx.state['rateLimit'])
    }
  }

  it('is there on denials with koa-ratelimit, and on every request with Sluice', async () => {
    const [their, our]: [unknown[], unknown[]] = [[], []]
    await statuses(serving(noting(their), theirs({ max: 1, id: () => 'ann' })), 2)
    await statuses(serving(noting(our), sluice({ key: () => 'ann' })('1/min')), 2)
    expect(their).toEqual([undefined, expect.objectContaining({ id: 'ann', after: expect.any(Number) })])
    expect(our).toMatchObject([
      { allowed: true, key: 'ann' },
      { allowed: false, key: 'ann', retryAfterMs: MINUTE },
    ])
  })
})

describe('a failing store', () => {
  it('fails requests with koa-ratelimit; Sluice goes on limiting by its own memory', async () => {
    const db = { defineCommand: () => undefined, ratelimiter: () => Promise.reject(new Error('unreachable')) }
    expect(await statuses(serving(theirs({ driver: 'redis', db, max: 1 })), 2)).toEqual([500, 500])
    const limit = sluice({ store: unreachableStore() })
    limit.on('degraded', () => undefined)
    expect(await statuses(serving(limit('1/min', { name: 'home' })), 2)).toEqual([200, 429])
    await limit.close()
  })
})

describe('an IPv6 client', () => {
  it('is one address with koa-ratelimit, and a /64 with Sluice', async () => {
    const seenBy = async (limit: Middleware): Promise<number[]> => {
      const seen: number[] = []
      for (const address of ['2001:db8::1', '2001:db8::2']) {
        seen.push((await request(serving(limit)).get('/').set('x-forwarded-for', address)).status)
      }
      return seen
    }
    expect(await seenBy(theirs({ max: 1 }))).toEqual([200, 200])
    expect(await seenBy(sluice()('1/min'))).toEqual([200, 429])
    expect(await seenBy(sluice({ ipv6Prefix: 128 })('1/min'))).toEqual([200, 200])
  })
})

describe('a blacklist', () => {
  it('is a middleware of your own in front of the limit', async () => {
    const listed = (user: string) => user === 'mallory'
    const refuses: Middleware = (ctx, next) => {
      if (listed(ctx.get('x-user'))) ctx.throw(403, 'Forbidden')
      return next()
    }
    const their = serving(theirs({ max: 1, blacklist: (ctx) => listed(ctx.get('x-user')) }))
    const our = serving(refuses, sluice()('1/min'))
    for (const app of [their, our]) {
      expect((await request(app).get('/').set('x-user', 'mallory')).status).toBe(403)
      expect(await statuses(app, 2)).toEqual([200, 429])
    }
  })
})

describe('a default', () => {
  it('is 2500 in an hour with koa-ratelimit; a limit of Sluice has its policy written', async () => {
    const their = ratelimit({ driver: 'memory', db: new Map(), id: () => randomUUID() })
    const { headers } = await request(serving(their)).get('/')
    expect(headers['x-ratelimit-limit']).toBe('2500')
    expect(Math.round(Number(headers['x-ratelimit-reset']) - Date.now() / SECOND)).toBe(3600)
    // @ts-expect-error a limit without a policy
    expect(() => sluice()()).toThrow()
  })
})

async function expectSame(their: ReturnType<typeof serving>, our: ReturnType<typeof serving>): Promise<void> {
  const seen: [number, number][] = []
  for (const gap of GAPS) {
    // koa-ratelimit counts microseconds: at the very end of a window it has not ended for it.
    vi.advanceTimersByTime(gap + 1)
    seen.push([(await request(their).get('/')).status, (await request(our).get('/')).status])
  }
  expect(seen.map(([, status]) => status)).toEqual(seen.map(([status]) => status))
  expect(new Set(seen.flat())).toEqual(new Set([200, 429]))
}
