import { setTimeout as pause } from 'node:timers/promises'
import {
  clientKey,
  createLimiter,
  type LimitOptions,
  memoryStore,
  type Store,
  sluice,
  tokenBucket,
} from '@sluice/express'
import { sluice as fastifySluice } from '@sluice/fastify'
import { sluice as koaSluice } from '@sluice/koa'
import express, { type Request, type RequestHandler } from 'express'
import fastify from 'fastify'
import Koa from 'koa'
import request from 'supertest'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

const warning = vi.spyOn(process, 'emitWarning')
beforeEach(() => {
  warning.mockReset()
  warning.mockImplementation(() => undefined)
})
const warnings = () =>
  warning.mock.calls.map(([sentence, options]) => `${(options as { code?: string } | undefined)?.code}: ${sentence}`)

const app = () => express().set('env', 'test')
const ok: RequestHandler = (_req, res) => void res.send('ok')

/** A fresh copy of core, since each process warns once. */
async function freshly<T>(use: (fresh: typeof sluice) => Promise<T>): Promise<T> {
  vi.resetModules()
  const { createLimit } = await import('../../packages/core/src/http/index.ts')
  const fresh = (options = {}) =>
    createLimit<Request, RequestHandler, undefined>(
      {
        ip: (req) => req.ip,
        peer: (req) => req.socket.remoteAddress,
        headers: (req) => req.headers,
        proxies: () => 'untrusted',
        trustAdvice: '',
      },
      options,
      (guard) => async (req, res, next) => {
        const passage = await guard.admit(req, res)
        if (passage.allowed) next()
        else res.status(passage.status).end(passage.body)
      },
      () => undefined,
    )
  return use(fresh as unknown as typeof sluice)
}

describe('a limit that is made for each request', () => {
  it('is warned of once, with the place, where a handler makes it', () =>
    freshly(async (fresh) => {
      const limit = fresh()
      const server = app().get('/', (req, res, next) => limit('2/min')(req, res, next), ok)
      for (let turn = 0; turn < 3; turn++) await request(server).get('/').expect(200)
      expect(warnings()).toEqual([
        expect.stringMatching(
          /^SLUICE_MADE_IN_HANDLER: limit\(\) without a name is called .* at .*mistakes\.test\.ts:\d+/,
        ),
      ])
    }))

  it('is warned of where the handler has waited for something first', () =>
    freshly(async (fresh) => {
      const late: RequestHandler = async (req, res, next) => {
        await pause(1)
        fresh()('2/min', { name: 'own' })(req, res, next)
      }
      const server = app().get('/', late, ok)
      for (let turn = 0; turn < 25; turn++) await request(server).get('/').expect(200)
      expect(warnings()).toEqual([expect.stringContaining('SLUICE_MADE_IN_HANDLER: sluice() is called')])
    }))

  it('is nothing to warn of where it is made when it is first needed, and kept', () =>
    freshly(async (fresh) => {
      let kept: RequestHandler | undefined
      const lazy: RequestHandler = (req, res, next) => {
        kept ??= fresh()('100/min') as RequestHandler
        return kept(req, res, next)
      }
      const server = app().get('/', lazy, ok)
      for (let turn = 0; turn < 30; turn++) await request(server).get('/').expect(200)
      expect(warnings()).toEqual([])
    }))

  it('is nothing to warn of where tests make an app each', () =>
    freshly(async (fresh) => {
      const create = () => app().get('/', fresh()('2/min'), ok)
      for (let test = 0; test < 40; test++) await request(create()).get('/').expect(200)
      expect(warnings()).toEqual([])
    }))

  it('is nothing to warn of at start-up, nor where named limits are made as they are needed', () =>
    freshly(async (fresh) => {
      const limit = fresh()
      const many = Array.from({ length: 100 }, () => limit('100/min'))
      const server = app().get(
        '/',
        ...many,
        (req, res, next) => limit('100/min', { name: 'tenant' })(req, res, next),
        ok,
      )
      await request(server).get('/').expect(200)
      expect(warnings()).toEqual([])
    }))
})

describe('limits without a name', () => {
  it('of two sluice()s on one shared store are warned of once', () =>
    freshly(async (fresh) => {
      const stores = Array.from({ length: 3 }, (): Store => ({ ...shared('redis://one') }))
      for (const store of stores) fresh({ store })('1/min')
      expect(warnings()).toEqual([expect.stringContaining('SLUICE_UNNAMED: Limits without a name of two sluice()s')])
    }))

  it('are nothing to warn of in stores of their own, with a prefix or a name of their own', () =>
    freshly(async (fresh) => {
      fresh({ store: shared('redis://two') })('1/min')
      fresh({ store: shared('redis://three') })('1/min')
      fresh({ store: { ...shared('redis://two'), prefix: 'shop' } })('1/min')
      fresh({ store: shared('redis://two'), name: 'shop' })('1/min')
      for (let own = 0; own < 2; own++) fresh({ store: shared('redis://(the given client)') })('1/min')
      for (let test = 0; test < 2; test++) {
        const limit = fresh({ store: shared('redis://closed') })
        limit('1/min')
        await limit.close()
      }
      fresh({ store: memoryStore() })('1/min')
      fresh({ store: memoryStore() })('1/min')
      for (let own = 0; own < 2; own++) {
        const { url: _url, ...store } = shared('')
        fresh({ store })('1/min')
      }
      expect(warnings()).toEqual([])
    }))
})

function shared(url: string): Store {
  const inner = memoryStore()
  return {
    url,
    consume: (asks) => inner.consume(asks),
    peek: (asks) => inner.peek(asks),
    consumeOnce: (asks, once) => inner.consumeOnce(asks, once),
    edit: (change) => inner.edit(change),
    renew: (renewals) => inner.renew(renewals),
    readTexts: (known) => inner.readTexts(known),
    writeText: (entry) => inner.writeText(entry),
    refund: (returns) => inner.refund(returns),
    reset: (policies, keys) => inner.reset(policies, keys),
    clear: (policies) => inner.clear(policies),
    close: () => inner.close(),
  }
}

describe('skip', () => {
  it.each<[string, (path: string) => boolean | Promise<boolean>]>([
    ['at once', (path) => path === '/health'],
    ['later', async (path) => path === '/health'],
  ])('of sluice() holds for a limit that skips more, decided %s', async (_title, isHealth) => {
    const limit = sluice({ skip: (req) => isHealth(req.path) })
    const server = app().use(limit('1/min', { skip: async (req) => req.get('x-internal') === 'yes' }), ok)
    for (let turn = 0; turn < 2; turn++) {
      await request(server).get('/health').expect(200)
      await request(server).get('/').set('x-internal', 'yes').expect(200)
    }
    await request(server).get('/').expect(200)
    await request(server).get('/').expect(429)
  })
})

describe('an empty key', () => {
  it.each<[string, LimitOptions<Request>['key']]>([
    ['at once', () => ''],
    ['later', async () => ''],
  ])('is an error and no bucket for all, returned %s', async (_title, key) => {
    const limit = sluice({ key })
    const errors: unknown[] = []
    limit.on('error', ({ error }) => errors.push(error))
    await request(app().get('/', limit('1/min'), ok))
      .get('/')
      .expect(500)
    expect(errors).toEqual([expect.objectContaining({ code: 'SLUICE_KEY' })])
    expect(String(errors[0])).toContain('The key of policy "default" is empty')
    expect(limit.store).toMatchObject({ size: 0 })
  })
})

describe('a key of an app’s own', () => {
  const serve = (key: (req: Request) => string) => app().set('trust proxy', 1).get('/', sluice()('9/min', { key }), ok)
  const from = (server: express.Express, address: string) => request(server).get('/').set('x-forwarded-for', address)

  it('that is a whole IPv6 address is warned of once', async () => {
    const server = serve((req) => req.ip ?? 'none')
    for (const address of ['2001:db8::1', '2001:db8::2']) await from(server, address).expect(200)
    expect(warnings()).toEqual([expect.stringMatching(/^SLUICE_RAW_IPV6: .* Write key: \(request\) => clientKey/)])
  })

  it.each<[string, (req: Request) => string]>([
    ['an IPv4 address', () => '192.0.2.1'],
    ['an address that came mapped', () => '::ffff:192.0.2.1'],
    ['clientKey', (req) => clientKey(req.ip)],
    ['a text with colons', (req) => `user:${req.ip}`],
    ['a tenant and a user', () => '12::34'],
  ])('that is %s is nothing to warn of', async (_title, key) => {
    await from(serve(key), '2001:db8::1').expect(200)
    expect(warnings()).toEqual([])
  })

  it('made of an address behind a proxy that is not trusted is warned of', async () => {
    const server = app().get('/', sluice()('9/min', { key: (req) => `${req.ip}` }), ok)
    await from(server, '192.0.2.1').expect(200)
    expect(warnings()).toEqual([expect.stringContaining('SLUICE_PROXY_NOT_TRUSTED')])
    warning.mockClear()
    const byKey = app().get('/', sluice()('9/min', { key: () => 'api-key' }), ok)
    await from(byKey, '192.0.2.1').expect(200)
    expect(warnings()).toEqual([])
  })
})

describe('a limit’s own buckets', () => {
  it('are looked at and reset by key, also by an address as it is written', async () => {
    const limit = sluice()
    const login = limit('1/h', { name: 'login' })
    const server = app().set('trust proxy', 1).get('/', login, ok)
    const from = (address: string) => request(server).get('/').set('x-forwarded-for', address)
    for (const address of ['2001:db8::1', '192.0.2.1']) {
      await from(address).expect(200)
      await from(address).expect(429)
      expect((await login.peek(address)).allowed).toBe(false)
      await login.reset(address)
      expect((await login.peek(clientKey(address))).allowed).toBe(true)
      expect((await login.peek({ login: address })).binding?.used).toBe(0)
      await from(address).expect(200)
    }
  })

  it('are those that keyOf names', async () => {
    const limit = sluice({ key: async (req) => req.get('x-user') ?? clientKey(req.ip) })
    const own = limit(['2/h', { policy: '5/h', name: 'team', key: (req) => `team of ${req.get('x-user')}` }], {
      name: 'api',
    })
    const one = limit('2/min', { name: 'one' })
    const keys: unknown[] = []
    const note: RequestHandler = async (req, res) => {
      keys.push(await own.keyOf(req), await one.keyOf(req))
      res.send('ok')
    }
    await request(app().get('/', own, one, note))
      .get('/')
      .set('x-user', 'ann')
      .expect(200)
    expect(keys).toEqual([{ 'api-1h': 'ann', team: 'team of ann' }, 'ann'])
    const decision = await own.peek(keys[0] as Record<string, string>)
    expect(decision.standings.map(({ remaining }) => remaining)).toEqual([1, 4])
  })

  it('leave no rejection behind where one key rejects and another throws', async () => {
    const throwing = (): string => {
      throw new Error('at once')
    }
    const own = sluice()(
      [
        { policy: '2/h', name: 'a', key: () => Promise.reject(new Error('late')) },
        { policy: '2/h', name: 'b', key: throwing },
      ],
      { name: 'own' },
    )
    const rejections: unknown[] = []
    const note = (error: unknown) => rejections.push(error)
    process.on('unhandledRejection', note)
    expect(() => own.keyOf({} as Request)).toThrow('at once')
    await pause(1)
    process.off('unhandledRejection', note)
    expect(rejections).toEqual([])
  })

  it('are named by keyOf also where a function returns policies with keys of their own', async () => {
    const own = sluice()(async () => [{ policy: '5/min', name: 'own', key: () => 'mine' }])
    expect(await own.keyOf({} as Request)).toBe('mine')
  })

  it('are not reset by an empty key, or by none', () => {
    const limit = sluice()('1/min')
    expect(() => limit.reset('')).toThrow('The key is empty')
    expect(() => limit.reset({})).toThrow('takes a key')
  })

  it('are unknown where the policies depend on the request', () => {
    const limit = sluice()(() => '1/min')
    expect(() => limit.peek('a')).toThrow("This limit's policies depend on the request")
  })

  it('are there in Koa and Fastify too', async () => {
    const koa = koaSluice()('1/min', { name: 'koa' })
    await request(new Koa().use(koa).callback()).get('/')
    expect((await koa.peek('127.0.0.1')).allowed).toBe(false)
    const hook = fastifySluice()('1/min', { name: 'fastify' })
    const server = fastify()
    server.get('/', { onRequest: hook }, async () => 'ok')
    await server.inject('/')
    expect((await hook.peek('127.0.0.1')).allowed).toBe(false)
    await hook.reset('127.0.0.1')
    expect((await hook.peek('127.0.0.1')).allowed).toBe(true)
  })
})

describe('a configuration that would deny for ever, or not at all', () => {
  const limit = sluice()
  it.each<[string, () => unknown, string]>([
    [
      'a cost above the capacity',
      () => limit('5/min', { cost: 10 }),
      'each request costs 10, but at most 5 pass at once',
    ],
    [
      'a cost of one policy above its capacity',
      () => limit(['100/min', { policy: '5/min', name: 'short', cost: 10 }], { name: 'x' }),
      'under policy "short"',
    ],
    ['limit in place of limit(…)', () => limit({ headers: {}, url: '/' } as never), "as in limit('100/min')"],
    ['a constructor that was not called', () => limit(tokenBucket as never), "as in limit(tokenBucket('10/s'))"],
    ['a store of a limit', () => limit('5/min', { store: 'memory:' } as never), 'it belongs to sluice()'],
    ['an empty URL', () => sluice({ store: '' }), 'the URL is empty. Leave the variable unset'],
    ['headers: false', () => limit('5/min', { headers: false as never }), '[] for none; got false'],
    ['deny', () => limit('5/min', { deny: 'throw' as never }), "deny: expected 'response' or 'error'"],
    [
      'deny with a response',
      () => limit('5/min', { deny: 'error', response: () => ({}) }),
      'so response is not called',
    ],
    ['ipv6Prefix', () => limit('5/min', { ipv6Prefix: 16 }), 'ipv6Prefix: expected a whole number from 32 to 128'],
  ])('is refused: %s', (_title, make, sentence) => {
    expect(make).toThrow(sentence)
  })

  it('may cost more than a shadow policy lets through', () => {
    expect(() => limit('5/min', { cost: 10, shadow: true, name: 'shadow' })).not.toThrow()
  })
})

describe('the event denied', () => {
  it('names the limit and the route', async () => {
    const limit = sluice()
    const heard: unknown[] = []
    limit.on('denied', (event) => heard.push([event.limit, event.route]))
    const users = express.Router().get('/users/:id', limit('1/h', { name: 'users' }), ok)
    const server = app().use('/api', users)
    for (let turn = 0; turn < 2; turn++) await request(server).get('/api/users/7')
    expect(heard).toEqual([['users', 'GET /api/users/:id']])
  })

  it('names Fastify’s route', async () => {
    const limit = fastifySluice()
    const heard: unknown[] = []
    limit.on('denied', (event) => heard.push([event.limit, event.route]))
    const server = fastify()
    await server.register(limit.plugin)
    server.get('/users/:id', { config: { limit: '1/h' } }, async () => 'ok')
    for (let turn = 0; turn < 2; turn++) await server.inject('/users/7')
    expect(heard).toEqual([['GET /users/:id', 'GET /users/:id']])
  })
})

describe('ipv6Prefix', () => {
  it('is the network that is one client', async () => {
    const server = app()
      .set('trust proxy', 1)
      .get('/', sluice({ ipv6Prefix: 56 })('1/h'), ok)
    const from = (address: string) => request(server).get('/').set('x-forwarded-for', address)
    await from('2001:db8:0:1::1').expect(200)
    await from('2001:db8:0:ff::1').expect(429)
    await from('2001:db8:0:100::1').expect(200)
  })
})

describe('createLimiter beside HTTP', () => {
  it('refuses an empty key', () => {
    expect(() => createLimiter({ policies: '1/min' }).consume('')).toThrow('The key is empty')
  })
})

afterEach(() => warning.mockClear())
