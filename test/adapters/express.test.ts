import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { Server } from 'node:http'
import { createLimiter, type Events, memoryStore, sluice, tokenBucket } from '@sluice/express'
import express, { type ErrorRequestHandler, type Request } from 'express'
import request from 'supertest'
import { afterEach, describe, expect, it, vi } from 'vitest'

const app = () => express().disable('x-powered-by')
const ok: express.RequestHandler = (_req, res) => {
  res.json({ ok: true })
}
const failing: ErrorRequestHandler = (error, _req, res, _next) => {
  res.status(500).json({ name: error.name, message: error.message })
}

describe('limits on Express', () => {
  it('keep two limits apart, share one that is used twice, and share by name', async () => {
    const limit = sluice()
    const shared = limit('1/min')
    const server = app()
      .get('/a', limit('1/min'), ok)
      .get('/b', limit('1/min'), ok)
      .get('/c', shared, ok)
      .get('/d', shared, ok)
      .get('/e', limit('1/min', { name: 'named' }), ok)
      .get('/f', limit('1/min', { name: 'named' }), ok)
    const status = async (path: string) => (await request(server).get(path)).status
    expect([await status('/a'), await status('/b')]).toEqual([200, 200])
    expect([await status('/c'), await status('/d')]).toEqual([200, 429])
    expect([await status('/e'), await status('/f')]).toEqual([200, 429])
  })

  it('name the unnamed in the order of creation', async () => {
    const limit = sluice()
    const server = app().get('/', limit('1/s'), limit('2/min', { name: 'own' }), limit(['3/min', '4/h']), ok)
    const { headers } = await request(server).get('/')
    expect(headers['ratelimit-policy']).toBe(
      '"default";q=1;w=1, "own";q=2;w=60, "default-2-1min";q=3;w=60, "default-2-1h";q=4;w=3600',
    )
  })

  it('join the fields of all limits on a route, and the one that denies answers', async () => {
    const limit = sluice()
    const router = express
      .Router()
      .use(limit('5/min', { name: 'router' }))
      .get('/', limit('1/h', { name: 'route' }), ok)
    const server = app()
      .use(limit('9/min', { name: 'app' }))
      .use('/api', router)
    await request(server).get('/api')
    const denied = await request(server).get('/api')
    expect(denied.status).toBe(429)
    expect(denied.headers['ratelimit']).toMatch(/^"app";r=7;t=\d+, "router";r=3;t=\d+, "route";r=0;t=\d+$/)
    expect(denied.body['violated-policies']).toEqual(['route'])
  })

  it('decide once for a request, however often they are mounted', async () => {
    const limit = sluice()
    const once = limit('10/min')
    const server = app()
      .use(once)
      .use('/x', express.Router().use(once).get('/', once, ok))
    expect((await request(server).get('/x')).headers['ratelimit']).toMatch(/^"default";r=9;t=\d+$/)
  })

  it('decide once also when a request goes on to error handlers', async () => {
    const limit = sluice()
    const once = limit('10/min')
    const server = app()
      .use(once)
      .get('/', () => {
        throw new Error('downstream')
      })
      .use(failing)
    const response = await request(server).get('/')
    expect(response.status).toBe(500)
    expect(response.body.message).toBe('downstream')
    expect(response.headers['ratelimit']).toMatch(/r=9/)
  })

  it('show the decision of the limit met last downstream, so that refunding it returns what that limit took', async () => {
    const limit = sluice()
    const server = app().get('/', limit('10/min'), limit('5/h'), (req, res) => {
      res.json([
        req.rateLimit?.allowed,
        res.locals['rateLimit']?.standings.map((one: { remaining: number }) => one.remaining),
      ])
    })
    expect((await request(server).get('/')).body).toEqual([true, [4]])
  })

  it('show the decision of a limit in a sub-app to the app around it', async () => {
    const limit = sluice()
    const inner = app().use(limit('10/min'))
    const server = app()
      .use('/api', inner)
      .get('/api', (req, res) => void res.json(req.rateLimit?.binding?.remaining))
    expect((await request(server).get('/api')).body).toBe(9)
  })

  it('tell requests apart whose locals are one object', async () => {
    const shared = {}
    const share: express.RequestHandler = (_req, res, next) => {
      res.locals = shared
      next()
    }
    const server = app().get('/', share, sluice()('2/min'), (_req, res) => void res.send('ok'))
    const statuses = []
    for (let turn = 0; turn < 3; turn++) statuses.push((await request(server).get('/')).status)
    expect(statuses).toEqual([200, 200, 429])
  })

  it('leave a response alone that has begun, whichever limit comes behind that point', async () => {
    const limit = sluice()
    const [once, skipped, other] = [limit('9/min'), limit('9/h', { skip: () => true }), limit('9/s')]
    const begin: express.RequestHandler = (_req, res, next) => {
      res.write('part 1, ')
      setTimeout(() => res.end('part 2'), 20)
      next()
    }
    const server = app().get('/', once, begin, once, skipped, other, () => undefined)
    expect((await request(server).get('/')).text).toBe('part 1, part 2')
    expect(limit.store).toMatchObject({ size: 1 })
  })

  it('take key, cost and policies from functions, also from async ones', async () => {
    const limit = sluice()
    const server = app().get(
      '/',
      limit(async (req: Request) => (req.get('x-plan') === 'pro' ? tokenBucket('100/min') : ['10/min', '50/h']), {
        key: async (req) => req.get('x-user') ?? 'nobody',
        cost: async (req) => Number(req.query['units'] ?? 1),
      }),
      ok,
    )
    const as = (user: string, plan = 'free', units = 1) =>
      request(server).get(`/?units=${units}`).set({ 'x-user': user, 'x-plan': plan })
    expect((await as('a', 'free', 4)).headers['ratelimit']).toMatch(
      /^"default-1min";r=6;t=\d+, "default-1h";r=46;t=\d+$/,
    )
    expect((await as('b')).headers['ratelimit']).toMatch(/r=9.*r=49/)
    expect((await as('a', 'pro', 40)).headers['ratelimit']).toMatch(/^"default";r=60;t=1$/)
  })

  it.each<[string, object, string]>([
    [
      'a key that is undefined',
      { key: () => undefined },
      'KeyError: The key of policy "default" must be a string, but its function returned undefined.',
    ],
    [
      'a key that is a number',
      { key: async () => 7 },
      'KeyError: The key of policy "default" must be a string, but its function returned 7.',
    ],
    [
      'a key function that throws',
      {
        key: () => {
          throw new Error('no user')
        },
      },
      'Error: no user',
    ],
    ['a cost of NaN', { cost: () => Number.NaN }, 'CostError: A cost of policy "default" is a whole number of units'],
    ['a cost of undefined', { cost: () => undefined }, 'CostError'],
    ['a cost that is rejected', { cost: () => Promise.reject(new Error('no cost')) }, 'Error: no cost'],
    [
      'a skip that throws',
      {
        skip: () => {
          throw new Error('no skip')
        },
      },
      'Error: no skip',
    ],
  ])('fail the request for %s, tell the error event, and take nothing', async (_title, options, message) => {
    const store = memoryStore()
    const limit = sluice({ store })
    const errors: unknown[] = []
    limit.on('error', ({ error }) => errors.push(error))
    const server = app().get('/', limit('10/min', options), ok).use(failing)
    const response = await request(server).get('/')
    expect(response.status).toBe(500)
    expect(`${response.body.name}: ${response.body.message}`).toContain(message)
    expect(errors).toHaveLength(1)
    expect(store.size).toBe(0)
  })

  it('skip what is to be skipped', async () => {
    const limit = sluice({ skip: async (req) => req.method === 'OPTIONS' })
    const server = app().use(limit('1/min')).use(ok)
    expect((await request(server).options('/')).headers['ratelimit']).toBeUndefined()
    expect((await request(server).get('/')).status).toBe(200)
    expect((await request(server).options('/')).status).toBe(200)
    expect((await request(server).get('/')).status).toBe(429)
  })

  it('answer in the application’s own words', async () => {
    const limit = sluice({
      response: (decision, req) => ({
        status: 420,
        headers: { 'x-calm': 'yes' },
        body: { at: req.path, wait: decision.retryAfterMs },
      }),
    })
    const server = app()
      .get('/', limit('1/h'), ok)
      .get('/text', limit('1/h', { response: () => ({ body: 'calm' }) }), ok)
    await request(server).get('/')
    const denied = await request(server).get('/')
    expect(denied.status).toBe(420)
    expect(denied.headers).toMatchObject({ 'x-calm': 'yes', 'content-type': 'application/json' })
    expect(denied.body).toEqual({ at: '/', wait: expect.any(Number) })
    await request(server).get('/text')
    const text = await request(server).get('/text')
    expect([text.status, text.headers['content-type'], text.text]).toEqual([429, 'text/plain; charset=utf-8', 'calm'])
  })

  it('tell limits in the dialects asked for', async () => {
    const limit = sluice({ headers: ['draft-7', 'legacy'] })
    const server = app()
      .get('/', limit('10/min'), ok)
      .get('/none', limit('1/min', { headers: [] }), ok)
    const { headers } = await request(server).get('/')
    expect(headers['ratelimit']).toMatch(/^limit=10, remaining=9, reset=\d+$/)
    expect(Number(headers['x-ratelimit-reset'])).toBeGreaterThan(Date.now() / 1000)
    await request(server).get('/none')
    const none = await request(server).get('/none')
    expect(none.status).toBe(429)
    expect(none.headers['ratelimit']).toBeUndefined()
    expect(Number(none.headers['retry-after'])).toBeGreaterThan(0)
  })

  it('tell the key’s digest when asked to', async () => {
    const limit = sluice({ headers: 'draft+pk', key: () => 'foo' })
    const { headers } = await request(app().get('/', limit('10/min'), ok)).get('/')
    expect(headers['ratelimit']).toMatch(/;pk=:LCa0a2j\/xo\/5m0U8:$/)
  })
})

describe('refunds on Express', () => {
  const left = async (server: Server | express.Express, path = '/') =>
    Number(/r=(\d+)/.exec((await request(server).get(path)).headers['ratelimit'] ?? '')?.[1])

  it.each<[string, 'successful' | 'failed' | ((status: number) => boolean), number, number]>([
    ['successful', 'successful', 204, 9],
    ['successful', 'successful', 404, 8],
    ['failed', 'failed', 404, 9],
    ['failed', 'failed', 204, 8],
    ['by status', (status) => status === 404, 404, 9],
  ])('%s: %s after %i', async (_title, refund, status, expected) => {
    const limit = sluice()
    const server = app().get('/', limit('10/min', { refund }), (_req, res) => {
      res.status(status).end()
    })
    await request(server).get('/')
    expect(await left(server)).toBe(expected)
  })

  it('give nothing back for a response that was cut off', async () => {
    const limit = sluice()
    let opened = () => {}
    const open = new Promise<void>((resolve) => {
      opened = resolve
    })
    const server = app()
      .get('/', limit('10/min', { name: 'cut', refund: 'successful' }), (_req, res) => {
        res.write('half')
        opened()
      })
      .get('/left', limit('10/min', { name: 'cut' }), ok)
      .listen(0)
    const { port } = server.address() as { port: number }
    const controller = new AbortController()
    const cut = fetch(`http://127.0.0.1:${port}/`, { signal: controller.signal }).then((response) => response.text())
    await open
    controller.abort()
    await expect(cut).rejects.toThrow()
    expect(await left(server, '/left')).toBe(8)
    server.close()
  })

  it('report a refund function that throws', async () => {
    const limit = sluice()
    const error = vi.fn()
    limit.on('error', error)
    const refund = () => {
      throw new Error('no refund')
    }
    const response = await request(app().get('/', limit('1/min', { refund }), ok)).get('/')
    expect(response.status).toBe(200)
    expect(error).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ error: new Error('no refund') }))
  })
})

describe('events on Express', () => {
  const heard = () => {
    const limit = sluice()
    const events: [string, Partial<Events<Request>[keyof Events<Request>]>][] = []
    for (const name of ['decision', 'denied', 'warning', 'error'] as const) {
      limit.on(name, (event) => events.push([name, event]))
    }
    return { limit, events, names: () => events.map(([name]) => name) }
  }

  it('tell of every decision, of denials, and of each crossing of a warnAt once', async () => {
    const { limit, events, names } = heard()
    const server = app().get('/', limit('4/h', { warnAt: [0.5, 1] }), ok)
    for (let turn = 0; turn < 5; turn++) await request(server).get('/')
    expect(names()).toEqual([
      'decision',
      'decision',
      'warning',
      'decision',
      'decision',
      'warning',
      'decision',
      'denied',
    ])
    expect(events[2]?.[1]).toMatchObject({ share: 0.5, policy: { name: 'default' } })
    expect(events[5]?.[1]).toMatchObject({ share: 1 })
  })

  it('tell what a shadow policy would have denied', async () => {
    const { limit, events } = heard()
    const server = app().get('/', limit('1/h', { shadow: true }), ok)
    await request(server).get('/')
    expect((await request(server).get('/')).status).toBe(200)
    expect(events.at(-1)).toMatchObject(['denied', { shadow: true, decision: { allowed: true } }])
  })

  it('hurt no request when a listener throws, and can be left', async () => {
    const limit = sluice()
    const error = vi.fn()
    limit.on('error', error)
    const leave = limit.on('decision', () => {
      throw new Error('listener')
    })
    const server = app().get('/', limit('10/min'), ok)
    expect((await request(server).get('/')).status).toBe(200)
    expect(error).toHaveBeenCalledOnce()
    leave()
    await request(server).get('/')
    expect(error).toHaveBeenCalledOnce()
  })

  it('reach the diagnostics channel', async () => {
    const messages: unknown[] = []
    const listener = (message: unknown) => messages.push(message)
    subscribe('sluice:decision', listener)
    await request(app().get('/', sluice()('1/h'), ok)).get('/')
    createLimiter({ policies: '1/h', name: 'jobs' }).consume('a')
    unsubscribe('sluice:decision', listener)
    expect(messages).toEqual([
      { limit: 'default', decision: expect.objectContaining({ allowed: true }), request: expect.anything() },
      { limit: 'jobs', decision: expect.objectContaining({ allowed: true }), request: undefined },
    ])
  })
})

describe('client addresses on Express', () => {
  const warning = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
  afterEach(() => warning.mockClear())

  it('are the framework’s: chosen proxies are believed, without a word', async () => {
    const server = app().set('trust proxy', 1).get('/', sluice()('1/min'), ok)
    const from = (address: string) => request(server).get('/').set('x-forwarded-for', address)
    expect((await from('192.0.2.1')).status).toBe(200)
    expect((await from('::ffff:192.0.2.1')).status).toBe(429)
    expect((await from('2001:db8::1')).status).toBe(200)
    expect((await from('2001:db8::ffff')).status).toBe(429)
    expect((await from('2001:db8:0:1::1')).status).toBe(200)
    expect(warning).not.toHaveBeenCalled()
  })

  it('are warned of once when a proxy is not trusted', async () => {
    const server = app().get('/', sluice()('10/min'), ok)
    await request(server).get('/')
    expect(warning).not.toHaveBeenCalled()
    for (let turn = 0; turn < 3; turn++) await request(server).get('/').set('x-forwarded-for', '192.0.2.1')
    expect(warning).toHaveBeenCalledExactlyOnceWith(expect.stringContaining('is that of the connection'), {
      type: 'SluiceWarning',
      code: 'SLUICE_PROXY_NOT_TRUSTED',
    })
  })

  it('are warned of once when every proxy is trusted', async () => {
    const server = app().set('trust proxy', true).get('/', sluice()('10/min'), ok)
    for (let turn = 0; turn < 3; turn++) await request(server).get('/')
    expect(warning).toHaveBeenCalledExactlyOnceWith(
      expect.stringContaining('Every proxy is trusted'),
      expect.anything(),
    )
  })

  it('do not matter where the key is the application’s', async () => {
    const server = app()
      .set('trust proxy', true)
      .get('/', sluice()('10/min', { key: () => 'all' }), ok)
    await request(server).get('/')
    expect(warning).not.toHaveBeenCalled()
  })

  it('fail the request that has none', async () => {
    const server = app().set('trust proxy', 1).get('/', sluice()('10/min'), ok).use(failing)
    const response = await request(server).get('/').set('x-forwarded-for', 'unknown')
    expect(response.status).toBe(500)
    expect(response.body.message).toBe('"unknown" is not an IP address. Check the proxy that sent it.')
  })
})

describe('a configuration that cannot be right', () => {
  it.each<[string, () => unknown, string]>([
    [
      'an unknown option',
      () => sluice()('1/s', { warnat: 0.5 } as never),
      'limit() has no option "warnat". Did you mean "warnAt"?',
    ],
    [
      'an unknown default',
      () => sluice({ sotre: 'memory:' } as never),
      'sluice() has no option "sotre". Did you mean "store"?',
    ],
    [
      'warnAt of 0',
      () => sluice()('1/s', { warnAt: 0 }),
      'warnAt: expected shares above 0 and up to 1, as in 0.8, got 0.',
    ],
    ['warnAt of 80', () => sluice()('1/s', { warnAt: [0.5, 80] }), 'got 80'],
    [
      'a default that is wrong',
      () => sluice({ cost: 1.5 }),
      'cost: expected a whole number of units ≥ 0 or a function, got 1.5.',
    ],
    [
      'a refund that is not known',
      () => sluice()('1/s', { refund: 'always' as never }),
      `refund: expected 'successful', 'failed'`,
    ],
    ['a key that is no function', () => sluice()('1/s', { key: 'ip' as never }), 'key: expected a function, got "ip".'],
    [
      'shadow that is a word',
      () => sluice()('1/s', { shadow: 'yes' as never }),
      'shadow: expected true or false, got "yes".',
    ],
    ['a wrong text', () => sluice()('1/sex' as never), '"1/sex" is not a limit'],
  ])('%s', (_title, make, sentence) => {
    expect(make).toThrow(sentence)
  })
})
