import { EventEmitter, once } from 'node:events'
import { request as requestOf } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { ConfigError, clientKey, type Dialect, fixedWindow, sluice } from '@sluice/express'
import express, { type ErrorRequestHandler, type Express, type RequestHandler } from 'express'
import { ipKeyGenerator, rateLimit, type Store as TheirStore } from 'express-rate-limit'
import { parseList } from 'structured-headers'
import request from 'supertest'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { listening } from '../servers.ts'
import { GAPS, limitFields, MINUTE, SECOND, START, statuses, stopClocks, unreachableStore } from './scene.ts'

beforeEach(() => stopClocks())
afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

const serving = (...limits: RequestHandler[]): Express =>
  express()
    .set('env', 'test')
    .set('trust proxy', 'loopback')
    .use(...limits)
    .get('/', (_req, res) => void res.send('ok'))

describe('the same app with express-rate-limit and with Sluice', () => {
  it('answers the same requests with the same statuses', async () => {
    const theirs = serving(rateLimit({ windowMs: MINUTE, limit: 3 }))
    const ours = serving(sluice()(fixedWindow('3/min')))
    const seen: [number, number][] = []
    for (const gap of GAPS) {
      vi.advanceTimersByTime(gap)
      seen.push([(await request(theirs).get('/')).status, (await request(ours).get('/')).status])
    }
    expect(seen.map(([, status]) => status)).toEqual(seen.map(([status]) => status))
    expect(new Set(seen.flat())).toEqual(new Set([200, 429]))
  })

  it.each<[string, object, Dialect]>([
    ['X-RateLimit', {}, 'legacy'],
    ['draft-6', { legacyHeaders: false, standardHeaders: 'draft-6' }, 'draft-6'],
    ['draft-7', { legacyHeaders: false, standardHeaders: 'draft-7' }, 'draft-7'],
  ])('sends the same %s fields', async (_title, options, headers) => {
    const theirs = serving(rateLimit({ windowMs: MINUTE, limit: 2, ...options }))
    const ours = serving(sluice({ headers })(fixedWindow('2/min')))
    for (const gap of [0, 10_500, 20_250]) {
      vi.advanceTimersByTime(gap)
      const [their, our] = [await request(theirs).get('/'), await request(ours).get('/')]
      expect(limitFields(our.headers)).toEqual(limitFields(their.headers))
      expect(Object.keys(limitFields(our.headers)).length).toBeGreaterThan(1)
    }
  })

  it('counts only failed logins', async () => {
    const login: RequestHandler = (req, res) => void res.sendStatus(req.query['password'] === 'right' ? 200 : 401)
    const theirs = express().get('/', rateLimit({ windowMs: MINUTE, limit: 2, skipSuccessfulRequests: true }), login)
    const ours = express().get('/', sluice()(fixedWindow('2/min'), { refund: 'successful' }), login)
    const expected = [200, 401, 200, 200, 401, 429, 429]
    for (const app of [theirs, ours]) {
      const seen: number[] = []
      for (const password of ['right', 'wrong', 'right', 'right', 'wrong', 'right', 'wrong']) {
        seen.push((await request(app).get('/').query({ password })).status)
        await turn()
      }
      expect(seen).toEqual(expected)
    }
  })

  it('limits by plan and by key, and skips', async () => {
    const pro = (req: { get(name: string): string | undefined }) => req.get('x-plan') === 'pro'
    const theirs = serving(
      rateLimit({
        windowMs: MINUTE,
        limit: (req) => (pro(req) ? 3 : 1),
        keyGenerator: (req) => req.get('x-user') ?? 'none',
        skip: (req) => req.get('x-user') === 'health',
      }),
    )
    const ours = serving(
      sluice()((req) => fixedWindow({ quota: pro(req) ? 3 : 1, windowMs: MINUTE }), {
        key: (req) => req.get('x-user') ?? 'none',
        skip: (req) => req.get('x-user') === 'health',
      }),
    )
    for (const app of [theirs, ours]) {
      const of = (user: string, plan: string) => request(app).get('/').set({ 'x-user': user, 'x-plan': plan })
      const seen: number[] = []
      for (let i = 0; i < 4; i++) seen.push((await of('ann', 'pro')).status)
      for (let i = 0; i < 2; i++) seen.push((await of('bob', 'free')).status)
      for (let i = 0; i < 2; i++) seen.push((await of('health', 'free')).status)
      expect(seen).toEqual([200, 200, 200, 429, 200, 429, 200, 200])
    }
  })

  it('tells and forgets a key', async () => {
    const their = rateLimit({ windowMs: MINUTE, limit: 2, keyGenerator: () => 'ann' })
    const our = sluice()(fixedWindow('2/min'), { key: () => 'ann' })
    expect(await statuses(serving(their), 3)).toEqual(await statuses(serving(our), 3))
    expect((await their.getKey('ann'))?.resetTime?.getTime()).toBe(START + MINUTE)
    expect((await our.peek('ann')).binding?.resetAfterMs).toBe(MINUTE)
    their.resetKey('ann')
    await our.reset('ann')
    expect([await statuses(serving(their), 1), await statuses(serving(our), 1)]).toEqual([[200], [200]])
  })

  it('tells the handler of the route the same numbers', async () => {
    const theirs = express().get('/', rateLimit({ windowMs: MINUTE, limit: 5 }), (req, res) => {
      res.json(Object.assign({}, Reflect.get(req, 'rateLimit')))
    })
    const ours = express().get('/', sluice()(fixedWindow('5/min')), (req, res) => {
      const { binding, key } = req.rateLimit ?? {}
      res.json({
        limit: binding?.policy.quota,
        used: binding?.used,
        remaining: binding?.remaining,
        resetTime: new Date(Date.now() + (binding?.resetAfterMs ?? 0)).toISOString(),
        key,
      })
    })
    for (const used of [1, 2]) {
      const expected = { limit: 5, used, remaining: 5 - used, resetTime: new Date(START + MINUTE).toISOString() }
      expect((await request(theirs).get('/')).body).toMatchObject(expected)
      expect((await request(ours).get('/')).body).toMatchObject(expected)
    }
  })

  it('hands a denial to the app’s own handler', async () => {
    const theirs = serving(
      rateLimit({ limit: 1, handler: (_req, res, _next, options) => void res.status(options.statusCode).send('own') }),
    )
    const handler: ErrorRequestHandler = (error, _req, res, _next) => void res.status(error.status).send('own')
    const ours = serving(sluice({ deny: 'error' })('1/min')).use(handler)
    for (const app of [theirs, ours]) {
      await request(app).get('/').expect(200)
      await request(app).get('/').expect(429, 'own')
    }
  })

  it('replaces the response', async () => {
    const body = { error: 'slow down' }
    const theirs = serving(rateLimit({ limit: 1, statusCode: 503, message: body, retryAfter: 5 }))
    const ours = serving(sluice({ response: () => ({ status: 503, headers: { 'Retry-After': '5' }, body }) })('1/min'))
    for (const app of [theirs, ours]) {
      await request(app).get('/').expect(200)
      const denied = await request(app).get('/')
      expect([denied.status, denied.body, denied.headers['retry-after']]).toEqual([503, body, '5'])
    }
  })
})

describe('the window', () => {
  it('begins anew at its end with express-rate-limit, and slides with a text', async () => {
    const theirs = serving(rateLimit({ windowMs: MINUTE, limit: 2 }))
    const ours = serving(sluice()('2/min'))
    for (const app of [theirs, ours]) expect(await statuses(app, 1)).toEqual([200])
    vi.advanceTimersByTime(50 * SECOND)
    for (const app of [theirs, ours]) expect(await statuses(app, 1)).toEqual([200])
    vi.advanceTimersByTime(11 * SECOND)
    expect(await statuses(theirs, 2)).toEqual([200, 200])
    expect(await statuses(ours, 2)).toEqual([200, 429])
  })
})

describe('the header fields', () => {
  it('are X-RateLimit with express-rate-limit, and the newest draft with Sluice', async () => {
    const their = await request(serving(rateLimit({ windowMs: MINUTE, limit: 5 }))).get('/')
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

  it("of 'draft-8' carry the numbers of 'draft+pk', by other names", async () => {
    const their = await request(
      serving(rateLimit({ windowMs: MINUTE, limit: 5, standardHeaders: 'draft-8', legacyHeaders: false })),
    ).get('/')
    const our = await request(serving(sluice({ headers: 'draft+pk' })(fixedWindow('5/min')))).get('/')
    const read = (fields: typeof our.headers) =>
      ['ratelimit-policy', 'ratelimit'].map((name) => {
        const [[label, parameters] = ['', new Map()]] = parseList(String(fields[name]))
        const { pk: _pk, ...numbers } = Object.fromEntries(parameters)
        return { label, pk: parameters.has('pk'), numbers }
      })
    const numbers = [
      { q: 5, w: 60 },
      { r: 4, t: 60 },
    ]
    expect(read(their.headers).map((item) => item.numbers)).toEqual(numbers)
    expect(read(our.headers).map((item) => item.numbers)).toEqual(numbers)
    expect(read(their.headers).map(({ label, pk }) => [label, pk])).toEqual([
      ['5-in-1min', true],
      ['5-in-1min', false],
    ])
    expect(read(our.headers).map(({ label, pk }) => [label, pk])).toEqual([
      ['default', true],
      ['default', true],
    ])
  })

  it('keep Retry-After with Sluice where all others are turned off', async () => {
    const theirs = serving(rateLimit({ limit: 1, legacyHeaders: false }))
    const ours = serving(sluice({ headers: [] })('1/min'))
    for (const app of [theirs, ours]) await request(app).get('/').expect(200)
    expect(limitFields((await request(theirs).get('/')).headers)).toEqual({})
    expect(limitFields((await request(ours).get('/')).headers)).toEqual({ 'retry-after': '60' })
  })
})

describe('the body of a denial', () => {
  it('is a sentence with express-rate-limit, and a problem document with Sluice', async () => {
    const theirs = serving(rateLimit({ limit: 1 }))
    const ours = serving(sluice()('1/min'))
    for (const app of [theirs, ours]) await request(app).get('/').expect(200)
    const their = await request(theirs).get('/')
    expect([their.type, their.text]).toEqual(['text/html', 'Too many requests, please try again later.'])
    const our = await request(ours).get('/')
    expect([our.type, our.body.status, our.body['violated-policies']]).toEqual([
      'application/problem+json',
      429,
      ['default'],
    ])
  })

  it('is a sentence with Sluice too where the client prefers text', async () => {
    const ours = serving(sluice()('1/min'))
    await request(ours).get('/').expect(200)
    const { type, text } = await request(ours).get('/').set('accept', 'text/plain')
    expect([type, text]).toEqual([
      'text/plain',
      'The limit "default" (1 request in 1 minute) is used up. Try again in 1 minute.\n',
    ])
  })
})

describe('a failing store', () => {
  const broken: TheirStore = {
    increment: () => Promise.reject(new Error('unreachable')),
    decrement: () => undefined,
    resetKey: () => undefined,
  }

  it('fails requests with express-rate-limit; Sluice goes on limiting by its own memory', async () => {
    expect(await statuses(serving(rateLimit({ limit: 1, store: broken })), 2)).toEqual([500, 500])
    const limit = sluice({ store: unreachableStore() })
    limit.on('degraded', () => undefined)
    expect(await statuses(serving(limit('1/min', { name: 'home' })), 2)).toEqual([200, 429])
    await limit.close()
  })

  it("limits nobody with passOnStoreError, as with onStoreError: 'allow'", async () => {
    const logger = { error: vi.fn(), warn: vi.fn() }
    const again = { ...broken }
    const theirs = serving(rateLimit({ limit: 1, store: again, passOnStoreError: true, logger }))
    const limit = sluice({ store: unreachableStore(), onStoreError: 'allow' })
    limit.on('degraded', () => undefined)
    const ours = serving(limit('1/min', { name: 'home' }))
    expect([await statuses(theirs, 3), await statuses(ours, 3)]).toEqual([
      [200, 200, 200],
      [200, 200, 200],
    ])
    await limit.close()
  })
})

describe('a denied request', () => {
  it('is counted by express-rate-limit, and takes nothing with Sluice', async () => {
    const their = rateLimit({ windowMs: MINUTE, limit: 2, keyGenerator: () => 'ann' })
    const our = sluice()(fixedWindow('2/min'), { key: () => 'ann' })
    for (const limit of [their, our]) expect(await statuses(serving(limit), 4)).toEqual([200, 200, 429, 429])
    expect((await their.getKey('ann'))?.totalHits).toBe(4)
    expect((await our.peek('ann')).binding?.used).toBe(2)
  })
})

describe('an aborted response', () => {
  it('is given back by skipFailedRequests, and not by refund', async () => {
    const their = rateLimit({ windowMs: MINUTE, limit: 5, skipFailedRequests: true, keyGenerator: () => 'ann' })
    const our = sluice()(fixedWindow('5/min'), { refund: 'failed', key: () => 'ann' })
    for (const limit of [their, our]) await abort(limit)
    expect((await their.getKey('ann'))?.totalHits).toBe(0)
    expect((await our.peek('ann')).binding?.used).toBe(1)
  })

  /** Sends a request, and leaves when the route has it. */
  async function abort(limit: RequestHandler): Promise<void> {
    const route = new EventEmitter()
    const server = await listening(express().get('/', limit, (_req, res) => void route.emit('asked', res)))
    const asked = once(route, 'asked')
    const client = requestOf({ port: (server.address() as AddressInfo).port, agent: false })
    client.on('error', () => undefined).end()
    const [response] = await asked
    client.destroy()
    await once(response, 'close')
    await turn()
    server.close()
  }
})

describe('an IPv6 client', () => {
  const addresses = ['2001:db8:0:1::1', '2001:db8:0:1::2', '2001:db8:0:2::1']
  const seenBy = async (app: Express) => {
    const seen: number[] = []
    for (const address of addresses) seen.push((await request(app).get('/').set('x-forwarded-for', address)).status)
    return seen
  }

  it('is a /56 with express-rate-limit, and a /64 with Sluice', async () => {
    expect(await seenBy(serving(rateLimit({ limit: 1 })))).toEqual([200, 429, 429])
    expect(await seenBy(serving(sluice()('1/min')))).toEqual([200, 429, 200])
  })

  it('is as large as before with ipv6Prefix: 56', async () => {
    expect(await seenBy(serving(sluice({ ipv6Prefix: 56 })('1/min')))).toEqual([200, 429, 429])
    expect(clientKey('2001:db8:0:1::1', 56)).toBe(clientKey('2001:db8:0:2::1', 56))
    expect(ipKeyGenerator('2001:db8:0:1::1')).toBe(ipKeyGenerator('2001:db8:0:2::1'))
  })
})

describe('a limit that a request meets twice', () => {
  it('counts it twice with express-rate-limit, and once with Sluice', async () => {
    const logger = { error: vi.fn(), warn: vi.fn() }
    const their = rateLimit({ windowMs: MINUTE, limit: 4, logger })
    const our = sluice()('4/min')
    expect(await statuses(serving(their, their), 3)).toEqual([200, 200, 429])
    expect(await statuses(serving(our, our), 5)).toEqual([200, 200, 200, 200, 429])
  })
})

describe('a limit of zero', () => {
  it('denies everything with express-rate-limit, and is refused at start-up by Sluice', async () => {
    const logger = { error: vi.fn(), warn: vi.fn() }
    expect(await statuses(serving(rateLimit({ limit: 0, logger })), 1)).toEqual([429])
    expect(() => sluice()(fixedWindow({ quota: 0, windowMs: MINUTE }))).toThrow(ConfigError)
  })
})

describe('a key that is a number', () => {
  it('is taken by express-rate-limit, and fails the request with Sluice', async () => {
    const number = (): string => 7 as unknown as string
    expect(await statuses(serving(rateLimit({ limit: 1, keyGenerator: number })), 2)).toEqual([200, 429])
    expect(await statuses(serving(sluice()('1/min', { key: number })), 1)).toEqual([500])
  })
})
