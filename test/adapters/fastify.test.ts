import { type FastifyLimit, memoryStore, sluice } from '@sluice/fastify'
import fastify, { type FastifyInstance } from 'fastify'
import fastify4 from 'fastify4'
import { beforeEach, describe, expect, it, vi } from 'vitest'

const ok = async () => ({ ok: true })

describe.each([
  ['Fastify 5', fastify],
  ['Fastify 4', fastify4 as unknown as typeof fastify],
])('limits on %s', (_title, create) => {
  const ratelimit = async (app: FastifyInstance, url: string, method: 'GET' | 'HEAD' = 'GET') =>
    (await app.inject({ method, url })).headers['ratelimit']

  it('limit a scope by a hook, and nothing outside it', async () => {
    const limit = sluice()
    const app = create()
    app.get('/outside', ok)
    app.register(async (scope) => {
      scope.addHook('onRequest', limit('10/min', { name: 'scope' }))
      scope.get('/inside', { onRequest: limit('5/min', { name: 'route' }) }, ok)
    })
    expect(await ratelimit(app, '/inside')).toMatch(/^"scope";r=9;t=\d+, "route";r=4;t=\d+$/)
    expect(await ratelimit(app, '/outside')).toBeUndefined()
  })

  const withPlugin = async (limit: FastifyLimit) => {
    const app = create()
    await app.register(limit.plugin, { policies: '10/min', name: 'all' })
    app.get('/plain', ok)
    app.get('/own', { config: { limit: { policies: '1/h', name: 'own', warnAt: 1 } } }, ok)
    app.get('/text', { config: { limit: '2/h' } }, ok)
    app.post('/text', { config: { limit: '2/h' } }, ok)
    return app
  }

  it('limit all routes by register, and each by its config', async () => {
    const app = await withPlugin(sluice())
    expect(await ratelimit(app, '/plain')).toMatch(/^"all";r=9;t=\d+$/)
    const own = await app.inject('/own')
    expect(own.headers['ratelimit']).toMatch(/^"all";r=8;t=\d+, "own";r=0;t=\d+$/)
    expect(own.headers['sluice-warning']).toBe('"own";share=1.0')
    expect((await app.inject('/own')).statusCode).toBe(429)
  })

  it('count HEAD with its GET, and methods that were limited apart, apart', async () => {
    const app = await withPlugin(sluice())
    expect(await ratelimit(app, '/text')).toMatch(/"GET \/text";r=1;/)
    expect(await ratelimit(app, '/text', 'HEAD')).toMatch(/"GET \/text";r=0;/)
    expect((await app.inject({ method: 'POST', url: '/text' })).headers['ratelimit']).toMatch(/"POST \/text";r=1;/)
  })

  it('take a route’s limit once, however many scopes and sluices register the plugin', async () => {
    const [one, other] = [sluice(), sluice()]
    const app = create()
    await app.register(one.plugin)
    await app.register(other.plugin)
    await app.register(async (scope) => {
      await scope.register(one.plugin)
      scope.get('/', { config: { limit: '5/h' } }, ok)
    })
    expect(await ratelimit(app, '/')).toMatch(/^"GET \/";r=4;t=\d+$/)
    expect(await ratelimit(app, '/')).toMatch(/^"GET \/";r=3;t=\d+$/)
  })

  it('limit routes that were declared before the plugin had loaded', async () => {
    const app = create()
    app.register(sluice().plugin, { policies: '10/min', name: 'all' })
    app.get('/', { config: { limit: { policies: '5/h', name: 'own' } } }, ok)
    expect(await ratelimit(app, '/')).toMatch(/^"all";r=9;t=\d+, "own";r=4;t=\d+$/)
    expect(await ratelimit(app, '/')).toMatch(/^"all";r=8;t=\d+, "own";r=3;t=\d+$/)
  })

  it('call those by their route, whichever is asked for first, and say so', async () => {
    const store = memoryStore()
    const server = () => {
      const app = create()
      app.register(sluice({ store }).plugin)
      app.get('/login', { config: { limit: '5/min' } }, ok)
      app.get('/feed', { config: { limit: '9/min' } }, ok)
      return app
    }
    const warning = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    expect(await ratelimit(server(), '/feed')).toMatch(/^"GET \/feed";r=8;/)
    const other = server()
    expect(await ratelimit(other, '/login')).toMatch(/^"GET \/login";r=4;/)
    expect(await ratelimit(other, '/login', 'HEAD')).toMatch(/^"GET \/login";r=3;/)
    expect(warning.mock.calls.map(String).join()).toContain(
      'The route GET /feed was declared before limit.plugin had loaded',
    )
    warning.mockClear()
  })

  it('name routes apart that differ by more than method and URL, and shorten what is too long', async () => {
    const app = create()
    await app.register(sluice().plugin)
    const long = `/${'segment-'.repeat(30)}`
    for (const [version, limit] of [
      ['1.0.0', '10/s'],
      ['2.0.0', '100/min'],
    ] as const) {
      app.get('/x', { constraints: { version }, config: { limit } }, ok)
    }
    app.get(long, { config: { limit: '5/h' } }, ok)
    app.get('/größe', { config: { limit: '5/h' } }, ok)
    const { headers } = await app.inject({ url: '/x', headers: { 'accept-version': '2.0.0' } })
    expect(headers['ratelimit']).toMatch(/^"GET \/x \(version 2.0.0\)";r=99;/)
    expect(await ratelimit(app, long)).toMatch(/^"GET \/segment-[^"]*~[^"]{16}";r=4;/)
    expect(await ratelimit(app, encodeURI('/größe'))).toMatch(/^"GET \/gr%C3%B6%C3%9Fe";r=4;/)
  })

  it('count HEAD with a route of several methods', async () => {
    const app = create({ exposeHeadRoutes: true })
    await app.register(sluice().plugin)
    app.route({ method: ['GET', 'POST'], url: '/m', config: { limit: '5/h' }, handler: ok })
    expect(await ratelimit(app, '/m')).toMatch(/^"GET, POST \/m";r=4;/)
    expect(await ratelimit(app, '/m', 'HEAD')).toMatch(/^"GET, POST \/m";r=3;/)
  })

  it('limit another app of the same process on a route of the same name', async () => {
    const limit = sluice()
    for (const [policies, name] of [
      ['3/min', 'GET /'],
      ['30/min', 'GET / #2'],
      ['3/min', 'GET /'],
    ] as const) {
      const app = create()
      await app.register(limit.plugin)
      app.get('/', { config: { limit: policies } }, ok)
      expect(await ratelimit(app, '/')).toContain(`"${name}"`)
    }
  })

  it('fail a late route’s requests alike, and warn of it once', async () => {
    const app = create()
    app.register(sluice().plugin)
    app.get('/', { config: { limit: '5/mintue' as never } }, ok)
    const warning = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    warning.mockClear()
    for (let turn = 0; turn < 3; turn++) expect((await app.inject('/')).statusCode).toBe(500)
    expect(warning).toHaveBeenCalledTimes(1)
    warning.mockClear()
  })

  it('exempt a route by config: { limit: false }', async () => {
    const app = create()
    await app.register(sluice().plugin, { policies: '10/min' })
    app.get('/health', { config: { limit: false } }, ok)
    expect((await app.inject('/health')).headers).not.toHaveProperty('ratelimit')
  })

  it('apply the own limit of an explicit HEAD route', async () => {
    const app = create()
    await app.register(sluice().plugin)
    app.head('/', { config: { limit: { policies: '3/h', name: 'head' } } }, ok)
    app.get('/', { config: { limit: { policies: '5/h', name: 'get' } } }, ok)
    expect(await ratelimit(app, '/', 'HEAD')).toMatch(/^"head";r=2;/)
    expect(await ratelimit(app, '/')).toMatch(/^"get";r=4;/)
  })

  it('take a policy with a key of its own as a route’s limit', async () => {
    const app = create()
    await app.register(sluice().plugin)
    app.get('/', { config: { limit: { policy: '3/h', key: () => 'all', name: 'everybody' } } }, ok)
    expect(await ratelimit(app, '/')).toMatch(/^"everybody";r=2;/)
  })

  it('accept what register itself reads', async () => {
    const app = create()
    app.register(sluice().plugin, { policies: '10/min', logLevel: 'warn', prefix: '/api' } as never)
    app.get('/', ok)
    expect(await ratelimit(app, '/')).toMatch(/^"default";r=9;/)
  })

  it.each([
    ['a typo for policies', { policy: '10/min' }, 'needs policies'],
    ['options without policies', { name: 'all' }, 'needs policies'],
    ['a malformed text', { policies: '10/mintue' }, 'is not a limit'],
  ])('refuse %s through ready()', async (_title, options, sentence) => {
    const app = create()
    app.register(sluice().plugin, options as never)
    await expect(app.ready()).rejects.toThrow(sentence)
  })

  it('refuse a route’s limit without policies where the route is declared', async () => {
    const app = create()
    await app.register(sluice().plugin)
    expect(() => app.get('/', { config: { limit: { name: 'own' } as never } }, ok)).toThrow(
      'GET /: config.limit has no policies',
    )
  })

  it('limit by what the body says, in preHandler', async () => {
    const limit = sluice()
    const app = create()
    const cost = (request: { body: unknown }) => (request.body as { units: number }).units
    app.post('/', { preHandler: limit('100 tokens/min', { cost }) }, ok)
    const { headers } = await app.inject({ method: 'POST', url: '/', payload: { units: 30 } })
    expect(headers['ratelimit']).toMatch(/r=70/)
  })

  it('show the decision downstream, and keep the fields of a failed response', async () => {
    const limit = sluice()
    const app = create()
    app.get('/', { onRequest: limit('10/min') }, async (request) => {
      throw new Error(`left: ${request.rateLimit?.binding?.remaining}`)
    })
    const response = await app.inject('/')
    expect(response.json()).toMatchObject({ statusCode: 500, message: 'left: 9' })
    expect(response.headers['ratelimit']).toMatch(/r=9/)
  })

  it('fail through Fastify’s own error handling', async () => {
    const limit = sluice()
    const app = create()
    app.setErrorHandler((error, _request, reply) => reply.code(500).send({ code: (error as { code?: string }).code }))
    app.get('/sync', { onRequest: limit('10/min', { key: () => 7 as never }) }, ok)
    app.get('/async', { onRequest: limit('10/min', { cost: async () => Number.NaN }) }, ok)
    expect((await app.inject('/sync')).json()).toEqual({ code: 'SLUICE_KEY' })
    expect((await app.inject('/async')).json()).toEqual({ code: 'SLUICE_COST' })
  })
})

describe.each([
  ['Fastify 5', fastify],
  ['Fastify 4', fastify4 as unknown as typeof fastify],
])('client addresses on %s', (title, create) => {
  const warning = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
  beforeEach(() => warning.mockClear())

  it('with a number, which trusts nobody since Fastify 5.12.1', async () => {
    const app = create({ trustProxy: 1 as unknown as boolean })
    app.get('/', { onRequest: sluice()('10/min') }, async (request) => request.ip)
    const bodies = []
    for (const client of ['192.0.2.1', '192.0.2.2']) {
      bodies.push((await app.inject({ url: '/', headers: { 'x-forwarded-for': client } })).body)
    }
    const warnings = warning.mock.calls.map(([sentence]) => sentence)
    if (bodies[0] === '127.0.0.1') {
      expect(warnings).toEqual([expect.stringContaining("trustProxy: 'loopback' }); a number trusts no proxy")])
    } else {
      expect(bodies).toEqual(['192.0.2.1', '192.0.2.2'])
      expect(warnings).toEqual([])
    }
    expect(bodies[0]).toBe(title === 'Fastify 5' ? '127.0.0.1' : '192.0.2.1')
  })

  it.each<[string, boolean | string[] | ((address: string, hop: number) => boolean), string | undefined]>([
    ['proxies it does not trust', false, 'SLUICE_PROXY_NOT_TRUSTED'],
    ['proxies that are all trusted', true, 'SLUICE_TRUSTS_ALL_PROXIES'],
    ['proxies of one network', ['127.0.0.1/8'], undefined],
    ['two hops', (_address, hop) => hop <= 2, undefined],
    ['proxies elsewhere than the one that is there', ['10.1.2.3'], 'SLUICE_PROXY_NOT_TRUSTED'],
  ])('with %s', async (_title, trustProxy, code) => {
    const app = create({ trustProxy })
    app.get('/', { onRequest: sluice()('10/min') }, ok)
    for (let turn = 0; turn < 2; turn++) await app.inject({ url: '/', headers: { 'x-forwarded-for': '192.0.2.1' } })
    expect(warning.mock.calls.map(([, options]) => (options as { code?: string } | undefined)?.code)).toEqual(
      code === undefined ? [] : [code],
    )
  })
})
