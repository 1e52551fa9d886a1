import rateLimit, { type RateLimitOptions, type RateLimitPluginOptions } from '@fastify/rate-limit'
import { type FastifyLimit, fixedWindow, memoryStore, type RouteLimit, sluice } from '@sluice/fastify'
import fastify, { type FastifyInstance, type FastifyRequest } from 'fastify'
import request from 'supertest'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { GAPS, limitFields, MINUTE, SECOND, START, statuses, stopClocks, unreachableStore } from './scene.ts'

const open: FastifyInstance[] = []
beforeEach(() => stopClocks())
afterEach(async () => {
  vi.useRealTimers()
  for (const app of open.splice(0)) await app.close()
})

type Routes = (app: FastifyInstance) => void

const home: Routes = (app) => app.get('/', async () => 'ok')

/** An app with their plugin. */
async function theirsWith(options: RateLimitPluginOptions, routes: Routes = home): Promise<FastifyInstance['server']> {
  const app = fastify({ trustProxy: 'loopback' })
  open.push(app)
  await app.register(rateLimit, options)
  routes(app)
  await app.ready()
  return app.server
}

/** An app with ours. */
async function oursWith(
  options: Partial<RouteLimit>,
  routes: Routes = home,
  limit: FastifyLimit = sluice(),
): Promise<FastifyInstance['server']> {
  const app = fastify({ trustProxy: 'loopback' })
  open.push(app)
  await app.register(limit.plugin, options)
  routes(app)
  await app.ready()
  return app.server
}

describe('the same app with @fastify/rate-limit and with Sluice', () => {
  it('answers the same requests with the same statuses', async () => {
    const theirs = await theirsWith({ max: 3, timeWindow: '1 minute' })
    const ours = await oursWith({ policies: fixedWindow('3/min') })
    const seen: [number, number][] = []
    for (const gap of GAPS) {
      vi.advanceTimersByTime(gap)
      seen.push([(await request(theirs).get('/')).status, (await request(ours).get('/')).status])
    }
    expect(seen.map(([, status]) => status)).toEqual(seen.map(([status]) => status))
    expect(new Set(seen.flat())).toEqual(new Set([200, 429]))
  })

  it('gives a route a limit of its own', async () => {
    const theirs = await theirsWith({ max: 100, timeWindow: MINUTE }, (app) => {
      app.get('/', { config: { rateLimit: { max: 2, timeWindow: MINUTE } } }, async () => 'ok')
    })
    const ours = await oursWith({ policies: fixedWindow('100/min') }, (app) => {
      app.get('/', { config: { limit: fixedWindow('2/min') } }, async () => 'ok')
    })
    for (const app of [theirs, ours]) expect(await statuses(app, 3)).toEqual([200, 200, 429])
  })

  it('exempts a route', async () => {
    const theirs = await theirsWith({ max: 1 }, (app) => {
      app.get('/', { config: { rateLimit: false } }, async () => 'ok')
    })
    const ours = await oursWith({ policies: '1/min' }, (app) => {
      app.get('/', { config: { limit: false } }, async () => 'ok')
    })
    for (const app of [theirs, ours]) expect(await statuses(app, 3)).toEqual([200, 200, 200])
  })

  it('limits by plan and by key, and skips', async () => {
    const user = (asked: FastifyRequest) => String(asked.headers['x-user'])
    const quota = (asked: FastifyRequest) => (user(asked) === 'ann' ? 3 : 1)
    const theirs = await theirsWith({ max: quota, keyGenerator: user, allowList: ['health'] })
    const ours = await oursWith({
      policies: (asked) => fixedWindow({ quota: quota(asked), windowMs: MINUTE }),
      key: user,
      skip: (asked) => user(asked) === 'health',
    })
    for (const app of [theirs, ours]) {
      const seen: number[] = []
      for (const name of ['ann', 'ann', 'ann', 'ann', 'bob', 'bob', 'health', 'health']) {
        seen.push((await request(app).get('/').set('x-user', name)).status)
      }
      expect(seen).toEqual([200, 200, 200, 429, 200, 429, 200, 200])
    }
  })

  it('looks without counting', async () => {
    const theirs = await theirsWith({ global: false, max: 3, timeWindow: MINUTE, keyGenerator: () => 'ann' }, (app) => {
      const check = app.createRateLimit()
      app.get('/take', async (asked) => check(asked))
      app.get('/look', async (asked) => check(asked, { increment: false }))
    })
    const limit = sluice()
    const our = limit(fixedWindow('3/min'), { key: () => 'ann' })
    const ours = await oursWith(
      {},
      (app) => {
        app.get('/take', { onRequest: our }, async (asked) => ({ remaining: asked.rateLimit?.binding?.remaining }))
        app.get('/look', async () => ({ remaining: (await our.peek('ann')).binding?.remaining }))
      },
      limit,
    )
    for (const app of [theirs, ours]) {
      const seen: unknown[] = []
      for (const path of ['/look', '/take', '/look', '/take', '/look']) {
        seen.push((await request(app).get(path)).body.remaining)
      }
      expect(seen).toEqual([3, 2, 2, 1, 1])
    }
  })

  it('says which requests it lets pass and which it denies', async () => {
    const heard: string[] = []
    const theirs = await theirsWith({
      max: 1,
      onExceeding: () => heard.push('passes'),
      onExceeded: () => heard.push('denied'),
    })
    const limit = sluice()
    limit.on('decision', ({ decision }) => heard.push(decision.allowed ? 'passes' : 'denied'))
    const ours = await oursWith({ policies: '1/min' }, home, limit)
    for (const app of [theirs, ours]) {
      await statuses(app, 2)
      expect(heard.splice(0)).toEqual(['passes', 'denied'])
    }
  })
})

describe('the window', () => {
  it('begins anew at its end with @fastify/rate-limit, and slides with a text', async () => {
    const theirs = await theirsWith({ max: 2, timeWindow: MINUTE })
    const ours = await oursWith({ policies: '2/min' })
    for (const app of [theirs, ours]) expect(await statuses(app, 1)).toEqual([200])
    vi.advanceTimersByTime(50 * SECOND)
    for (const app of [theirs, ours]) expect(await statuses(app, 1)).toEqual([200])
    vi.advanceTimersByTime(11 * SECOND)
    expect(await statuses(theirs, 2)).toEqual([200, 200])
    expect(await statuses(ours, 2)).toEqual([200, 429])
  })
})

describe('the header fields', () => {
  it('are X-RateLimit with @fastify/rate-limit, and the newest draft with Sluice', async () => {
    const their = await request(await theirsWith({ max: 5, timeWindow: MINUTE })).get('/')
    const our = await request(await oursWith({ policies: fixedWindow('5/min') })).get('/')
    expect(limitFields(their.headers)).toEqual({
      'x-ratelimit-limit': '5',
      'x-ratelimit-remaining': '4',
      'x-ratelimit-reset': '60',
    })
    expect(limitFields(our.headers)).toEqual({
      'ratelimit-policy': '"default";q=5;w=60',
      ratelimit: '"default";r=4;t=60',
    })
  })

  it("have X-RateLimit-Reset in seconds from now there, and in Unix seconds with 'legacy'", async () => {
    const their = await request(await theirsWith({ max: 5, timeWindow: MINUTE })).get('/')
    const our = await request(await oursWith({ policies: fixedWindow('5/min'), headers: 'legacy' })).get('/')
    expect(their.headers['x-ratelimit-reset']).toBe('60')
    expect(limitFields(our.headers)).toEqual({
      ...limitFields(their.headers),
      'x-ratelimit-reset': String((START + MINUTE) / SECOND),
    })
  })

  it("are those of enableDraftSpec and the policy with 'draft-6'", async () => {
    const theirs = await theirsWith({ max: 2, timeWindow: MINUTE, enableDraftSpec: true })
    const ours = await oursWith({ policies: fixedWindow('2/min'), headers: 'draft-6' })
    for (const gap of [0, 10_500, 20_250]) {
      vi.advanceTimersByTime(gap)
      const [their, our] = [await request(theirs).get('/'), await request(ours).get('/')]
      expect(limitFields(our.headers)).toEqual({ ...limitFields(their.headers), 'ratelimit-policy': '2;w=60' })
    }
  })
})

describe('the response to a denied request', () => {
  const handled: Routes = (app) => {
    app.setErrorHandler((error: Error & { statusCode?: number }, _asked, reply) => {
      reply.code(error.statusCode ?? 500).send({ handled: error.name })
    })
    home(app)
  }

  it('goes through setErrorHandler with @fastify/rate-limit, and does not with Sluice', async () => {
    const theirs = await theirsWith({ max: 1 }, handled)
    const ours = await oursWith({ policies: '1/min' }, handled)
    for (const app of [theirs, ours]) expect(await statuses(app, 1)).toEqual([200])
    const [their, our] = [await request(theirs).get('/'), await request(ours).get('/')]
    expect([their.status, their.body]).toEqual([429, { handled: 'Error' }])
    expect([our.status, our.type]).toEqual([429, 'application/problem+json'])
  })

  it("goes through setErrorHandler with deny: 'error'", async () => {
    const ours = await oursWith({ policies: '1/min', deny: 'error' }, handled)
    expect(await statuses(ours, 1)).toEqual([200])
    const { status, body } = await request(ours).get('/')
    expect([status, body]).toEqual([429, { handled: 'RateLimitError' }])
  })

  it('may be any object', async () => {
    const theirs = await theirsWith({
      max: 1,
      errorResponseBuilder: (_asked, { statusCode }) => ({ statusCode, error: 'slow down' }),
    })
    const ours = await oursWith({
      policies: '1/min',
      response: () => ({ body: { statusCode: 429, error: 'slow down' } }),
    })
    for (const app of [theirs, ours]) {
      await request(app).get('/')
      const { status, body } = await request(app).get('/')
      expect([status, body]).toEqual([429, { statusCode: 429, error: 'slow down' }])
    }
  })
})

describe('a limit of a route', () => {
  it('replaces the limit of the plugin with @fastify/rate-limit, and holds beside it with Sluice', async () => {
    const theirs = await theirsWith({ max: 2 }, (app) => {
      app.get('/', { config: { rateLimit: { max: 4 } } }, async () => 'ok')
    })
    const ours = await oursWith({ policies: '2/min' }, (app) => {
      app.get('/', { config: { limit: '4/min' } }, async () => 'ok')
    })
    expect(await statuses(theirs, 5)).toEqual([200, 200, 200, 200, 429])
    expect(await statuses(ours, 3)).toEqual([200, 200, 429])
  })

  it('replaces it with config: { limit: false } and a hook', async () => {
    const limit = sluice()
    const ours = await oursWith(
      { policies: '2/min' },
      (app) => {
        app.get('/', { config: { limit: false }, onRequest: limit('4/min', { name: 'home' }) }, async () => 'ok')
      },
      limit,
    )
    expect(await statuses(ours, 5)).toEqual([200, 200, 200, 200, 429])
  })

  it('counts GET and HEAD apart with @fastify/rate-limit, and together with Sluice', async () => {
    const theirs = await theirsWith({ global: false }, (app) => {
      app.get('/', { config: { rateLimit: { max: 1 } } }, async () => 'ok')
    })
    const ours = await oursWith({}, (app) => {
      app.get('/', { config: { limit: '1/min' } }, async () => 'ok')
    })
    const headAfterGet = async (app: FastifyInstance['server']) => {
      await request(app).get('/').expect(200)
      return (await request(app).head('/')).status
    }
    expect(await headAfterGet(theirs)).toBe(200)
    expect(await headAfterGet(ours)).toBe(429)
  })
})

describe('a group of routes', () => {
  const grouped: Routes = (app) => {
    const own: RateLimitOptions = { max: 1, timeWindow: MINUTE, groupId: 'search' }
    app.get('/', { config: { rateLimit: own } }, async () => 'ok')
    app.get('/more', { config: { rateLimit: own } }, async () => 'ok')
  }

  it('counts for each route in the memory of @fastify/rate-limit, and for all of them by one name with Sluice', async () => {
    const theirs = await theirsWith({ global: false }, grouped)
    const ours = await oursWith({}, (app) => {
      const own = { policies: '1/min', name: 'search' }
      app.get('/', { config: { limit: own } }, async () => 'ok')
      app.get('/more', { config: { limit: own } }, async () => 'ok')
    })
    const both = async (app: FastifyInstance['server']) => [
      ...(await statuses(app, 1, '/')),
      ...(await statuses(app, 1, '/more')),
    ]
    expect(await both(theirs)).toEqual([200, 200])
    expect(await both(ours)).toEqual([200, 429])
  })
})

describe('a request that no route answers', () => {
  it('is not counted by @fastify/rate-limit, and is with Sluice', async () => {
    const theirs = await theirsWith({ max: 1 })
    const ours = await oursWith({ policies: '1/min' })
    expect(await statuses(theirs, 3, '/none')).toEqual([404, 404, 404])
    expect(await statuses(ours, 3, '/none')).toEqual([404, 429, 429])
    const without = await oursWith({ policies: '1/min', skip: (asked) => asked.is404 })
    expect(await statuses(without, 3, '/none')).toEqual([404, 404, 404])
  })
})

describe('a failing store', () => {
  class Broken {
    incr(_key: string, callback: (error: Error) => void): void {
      callback(new Error('unreachable'))
    }
    child(): Broken {
      return this
    }
  }

  it('fails requests with @fastify/rate-limit; Sluice goes on limiting by its own memory', async () => {
    expect(await statuses(await theirsWith({ max: 1, store: Broken }), 2)).toEqual([500, 500])
    const limit = sluice({ store: unreachableStore() })
    limit.on('degraded', () => undefined)
    expect(await statuses(await oursWith({ policies: '1/min', name: 'home' }, home, limit), 2)).toEqual([200, 429])
    await limit.close()
  })

  it("limits nobody with skipOnError, as with onStoreError: 'allow'", async () => {
    const theirs = await theirsWith({ max: 1, store: Broken, skipOnError: true })
    const limit = sluice({ store: unreachableStore(), onStoreError: 'allow' })
    limit.on('degraded', () => undefined)
    const ours = await oursWith({ policies: '1/min', name: 'home' }, home, limit)
    for (const app of [theirs, ours]) expect(await statuses(app, 3)).toEqual([200, 200, 200])
    await limit.close()
  })
})

describe('a full memory', () => {
  it('forgets a denied client with @fastify/rate-limit, and keeps it with Sluice', async () => {
    const theirs = await theirsWith({ max: 2, cache: 2 })
    const limit = sluice({ store: memoryStore({ maxKeys: 2 }) })
    const ours = await oursWith({ policies: fixedWindow('2/min') }, home, limit)
    const last = async (app: FastifyInstance['server']) => {
      let status = 0
      for (const address of ['1', '1', '1', '2', '3', '4', '1']) {
        status = (await request(app).get('/').set('x-forwarded-for', `203.0.113.${address}`)).status
      }
      return status
    }
    expect(await last(theirs)).toBe(200)
    expect(await last(ours)).toBe(429)
  })
})

describe('an IPv6 client', () => {
  it('is a /64 with both', async () => {
    for (const app of [await theirsWith({ max: 1 }), await oursWith({ policies: '1/min' })]) {
      const seen: number[] = []
      for (const address of ['2001:db8:0:1::1', '2001:db8:0:1::2', '2001:db8:0:2::1']) {
        seen.push((await request(app).get('/').set('x-forwarded-for', address)).status)
      }
      expect(seen).toEqual([200, 429, 200])
    }
  })
})

describe('a default', () => {
  it('is 1000 in a minute with @fastify/rate-limit, and none with Sluice', async () => {
    const their = await request(await theirsWith({})).get('/')
    expect([their.headers['x-ratelimit-limit'], their.headers['x-ratelimit-reset']]).toEqual(['1000', '60'])
    expect(limitFields((await request(await oursWith({})).get('/')).headers)).toEqual({})
  })
})
