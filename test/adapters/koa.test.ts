import Router from '@koa/router'
import { sluice } from '@sluice/koa'
import Koa from 'koa'
import request from 'supertest'
import { afterEach, describe, expect, it, vi } from 'vitest'

const ok: Koa.Middleware = (ctx) => {
  ctx.body = { ok: true }
}
const app = (...middleware: Koa.Middleware[]) => {
  const koa = new Koa()
  koa.silent = true
  for (const one of middleware) koa.use(one)
  return koa
}

describe('limits on Koa', () => {
  it('limit an app, a router and a route, and join their fields', async () => {
    const limit = sluice()
    const router = new Router().use(limit('5/min', { name: 'router' })).get('/', limit('1/h', { name: 'route' }), ok)
    const server = app(limit('9/min', { name: 'app' }))
      .use(router.routes())
      .callback()
    await request(server).get('/')
    const denied = await request(server).get('/')
    expect(denied.status).toBe(429)
    expect(denied.headers['ratelimit']).toMatch(/^"app";r=7;t=\d+, "router";r=3;t=\d+, "route";r=0;t=\d+$/)
    expect(denied.body['violated-policies']).toEqual(['route'])
  })

  it('show the decision downstream', async () => {
    const limit = sluice()
    const server = app(limit('10/min'), (ctx) => {
      ctx.body = { left: ctx.state.rateLimit?.binding?.remaining }
    }).callback()
    expect((await request(server).get('/')).body).toEqual({ left: 9 })
  })

  it('leave an error handler of the context’s own in place', async () => {
    const limit = sluice()
    const handled: Koa.Middleware = (ctx, next) => {
      ctx.onerror = () => {
        ctx.res.statusCode = 418
        ctx.res.end('mine')
      }
      return next()
    }
    const server = app(handled, limit('10/min'), limit('5/h', { name: 'inner' }), () => {
      throw new Error('downstream')
    }).callback()
    const response = await request(server).get('/')
    expect([response.status, response.text]).toEqual([418, 'mine'])
    expect(response.headers['ratelimit']).toMatch(/"inner";r=4/)
  })

  it('keep their fields on a response that failed downstream', async () => {
    const limit = sluice()
    const server = app(limit('10/min', { name: 'outer' }), limit('5/min', { name: 'inner' }), (ctx) => {
      if (ctx.path === '/thrown') throw new Error('downstream')
      ctx.throw(418, { headers: { 'x-own': 'kept' } })
    }).callback()
    const thrown = await request(server).get('/thrown')
    expect(thrown.status).toBe(500)
    expect(thrown.headers['ratelimit']).toMatch(/^"outer";r=9;t=\d+, "inner";r=4;t=\d+$/)
    const own = await request(server).get('/')
    expect(own.status).toBe(418)
    expect(own.headers).toMatchObject({ 'x-own': 'kept', ratelimit: expect.stringContaining('"outer"') })
  })

  it('fail through Koa’s own error handling, and take nothing', async () => {
    const limit = sluice()
    const koa = app(limit('10/min', { key: () => undefined as never }), ok)
    const error = vi.fn()
    koa.on('error', error)
    expect((await request(koa.callback()).get('/')).status).toBe(500)
    expect(error.mock.calls[0]?.[0]).toMatchObject({ name: 'KeyError', code: 'SLUICE_KEY' })
  })

  it('await async functions', async () => {
    const limit = sluice({ key: async (ctx) => ctx.get('x-user'), skip: async (ctx) => ctx.path === '/free' })
    const server = app(
      limit(async () => '1/min'),
      ok,
    ).callback()
    const as = (user: string, path = '/') => request(server).get(path).set('x-user', user)
    expect((await as('a')).status).toBe(200)
    expect((await as('a')).status).toBe(429)
    expect((await as('b')).status).toBe(200)
    expect((await as('a', '/free')).status).toBe(200)
  })
})

describe('client addresses on Koa', () => {
  const warning = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
  afterEach(() => warning.mockClear())

  it.each<[string, Partial<Koa>, string | undefined]>([
    ['proxies it does not trust', {}, 'SLUICE_PROXY_NOT_TRUSTED'],
    ['proxies that are all trusted', { proxy: true }, 'SLUICE_TRUSTS_ALL_PROXIES'],
    ['one proxy that is trusted', { proxy: true, maxIpsCount: 1 }, undefined],
  ])('with %s', async (_title, settings, code) => {
    const server = Object.assign(app(sluice()('10/min'), ok), settings).callback()
    for (let turn = 0; turn < 2; turn++) await request(server).get('/').set('x-forwarded-for', '192.0.2.1')
    expect(warning.mock.calls.map(([, options]) => (options as { code?: string } | undefined)?.code)).toEqual(
      code === undefined ? [] : [code],
    )
  })
})
