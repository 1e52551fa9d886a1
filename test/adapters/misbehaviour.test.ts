import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http'
import { connect as connectHttp2, createServer as createServer2 } from 'node:http2'
import { type AddressInfo, connect } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { createLimiter, type Decision, leakyBucket, memoryStore, type Store, sluice } from '@sluice/express'
import { sluice as fastifySluice } from '@sluice/fastify'
import { sluice as koaSluice } from '@sluice/koa'
import express, { type Request, type RequestHandler } from 'express'
import fastify from 'fastify'
import Koa from 'koa'
import request from 'supertest'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

const rejections: unknown[] = []
const note = (error: unknown) => rejections.push(error)
beforeEach(() => {
  process.on('unhandledRejection', note)
})
afterEach(async () => {
  await pause(1)
  process.off('unhandledRejection', note)
  expect(rejections.splice(0)).toEqual([])
})

const app = () => express().set('env', 'test')
const ok: RequestHandler = (_req, res) => {
  res.json({ ok: true })
}
const rejecting = () => Promise.reject(new Error('no key'))
const throwing = (value: unknown) => () => {
  throw value
}

/** Listens for the time of one callback. */
async function serving(server: ReturnType<typeof createServer>, use: (port: number) => Promise<void>): Promise<void> {
  await new Promise<void>((resolve) => server.listen(0, resolve))
  try {
    await use((server.address() as AddressInfo).port)
  } finally {
    server.closeAllConnections()
    server.close()
  }
}

describe('a function of the options', () => {
  it.each([undefined, null, '', 'route', 'router', 0])('fails the request where it throws %o', async (value) => {
    const limit = sluice()
    const error = vi.fn()
    limit.on('error', error)
    for (const option of ['key', 'cost', 'skip']) {
      for (const fn of [throwing(value), () => Promise.reject(value)]) {
        const server = app().get('/', limit('5/min', { name: 'own', [option]: fn }), ok)
        expect((await request(server).get('/')).status).toBe(500)
      }
    }
    expect(error).toHaveBeenCalledTimes(6)
    expect(limit.store).toMatchObject({ size: 0 })
  })

  it('fails the request once where a key rejects and a cost throws', async () => {
    const limit = sluice()
    const error = vi.fn()
    limit.on('error', error)
    const options = { key: rejecting, cost: throwing(new Error('no cost')) }
    const server = app()
      .get('/one', limit('5/min', { name: 'one', ...options }), ok)
      .get('/list', limit(['5/min', { policy: '9/h', ...options }], { name: 'list', key: rejecting }), ok)
      .get('/plan', limit(throwing(new Error('no plan')), { name: 'plan', key: rejecting }), ok)
    for (const path of ['/one', '/list', '/plan']) expect((await request(server).get(path)).status).toBe(500)
    expect(error).toHaveBeenCalledTimes(3)
  })

  it('that is no longer waited for writes nothing', async () => {
    const limit = sluice()
    const handler = vi.fn()
    const late = () => pause(30).then(() => 'late')
    const server = app()
      .use((_req, res, next) => {
        setTimeout(() => res.status(503).end('too slow'), 5)
        next()
      })
      .get('/', limit('5/min', { key: late }), handler)
    expect((await request(server).get('/')).status).toBe(503)
    await pause(60)
    expect(handler).not.toHaveBeenCalled()
    expect(limit.store).toMatchObject({ size: 0 })
  })

  it('is no error where the client has left meanwhile', async () => {
    const limit = sluice()
    const error = vi.fn()
    limit.on('error', error)
    let asked = () => {}
    const there = new Promise<void>((resolve) => {
      asked = resolve
    })
    const skip = (req: Request) => {
      asked()
      return new Promise<boolean>((resolve) => req.socket.once('close', () => setTimeout(resolve, 5, false)))
    }
    await serving(createServer(app().get('/', limit('5/min', { skip }), ok)), async (port) => {
      const socket = connect(port, '127.0.0.1').on('error', () => {})
      socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
      await there
      socket.resetAndDestroy()
      await pause(60)
    })
    expect(error).not.toHaveBeenCalled()
    expect(limit.store).toMatchObject({ size: 0 })
  })
})

describe('a listener', () => {
  it('that rejects is reported, and ends nothing', async () => {
    const limit = sluice()
    const error = vi.fn()
    limit.on('decision', rejecting as never)
    limit.on('error', error)
    await request(app().get('/', limit('5/min'), ok))
      .get('/')
      .expect(200)
    await vi.waitFor(() => expect(error).toHaveBeenCalledOnce())
  })

  it('that listens again meanwhile hears the next event, not this one', async () => {
    const limit = sluice()
    let heard = 0
    let off = (): void => undefined
    const again = (): void => {
      heard += 1
      off()
      off = limit.on('decision', again)
    }
    off = limit.on('decision', again)
    const server = app().get('/', limit('5/min'), ok)
    for (let turn = 1; turn <= 2; turn++) {
      await request(server).get('/').expect(200)
      expect(heard).toBe(turn)
    }
  })

  it('that is removed leaves an outage to the warning of the process', async () => {
    const store = Object.assign(memoryStore(), { consume: () => Promise.reject(new Error('down')) }) as Store
    const limit = sluice({ store })
    limit.on('degraded', () => undefined)()
    const warning = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
    await request(app().get('/', limit('5/min'), ok))
      .get('/')
      .expect(200)
    expect(warning.mock.calls[0]?.[0]).toContain('The store failed: down')
    warning.mockRestore()
    await limit.close()
  })

  it('for an event that does not exist is refused', () => {
    expect(() => sluice().on('deny' as never, () => {})).toThrow(
      'there is no event "deny". The events are: decision, denied',
    )
    expect(() => sluice().on('denied', undefined as never)).toThrow('takes a function, got undefined')
  })
})

describe('a store of somebody’s own', () => {
  it.each<[string, () => unknown]>([
    ['nothing', () => [null]],
    ['an empty object', () => [{}]],
    ['nothing, later', async () => [null]],
    ['what throws when it is waited for', () => Object.defineProperty({}, 'then', { get: throwing('then') })],
  ])('that answers with %s counts as one that failed', async (_title, consume) => {
    const store = { consume, peek: consume, refund() {}, reset() {}, clear() {}, close() {} } as unknown as Store
    const limit = sluice({ store })
    limit.on('degraded', () => undefined)
    await request(app().get('/', limit('5/min'), ok))
      .get('/')
      .expect(200)
    await limit.close()
  })
})

describe('an aborted response', () => {
  // Twelve logins on a limit that gives back what succeeds.
  const policies = '100/h'
  const options = { name: 'login', refund: 'successful', key: () => 'all' } as const
  const left = (store: Store) =>
    (createLimiter({ policies, name: 'login', store }).peek('all') as Decision).standings[0]?.remaining
  let ended = 0
  /** Flushes the header fields at once; ends when the client has left, or at once for one that stays. */
  const endLate = (req: IncomingMessage, res: ServerResponse) => {
    res.statusCode = 200
    res.setHeader('content-length', 2)
    res.flushHeaders()
    if (req.headers['x-stays'] !== undefined) res.end('ok')
    else {
      res.once('close', () => {
        res.end('ok')
        ended += 1
      })
    }
  }

  type Made = { readonly listener: RequestListener | PromiseLike<RequestListener>; readonly store: Store }
  const frameworks: readonly [string, () => Made][] = [
    [
      'Express',
      () => {
        const limit = sluice()
        return { listener: app().use(limit(policies, options), (req, res) => endLate(req, res)), store: limit.store }
      },
    ],
    [
      'Koa',
      () => {
        const limit = koaSluice()
        const koa = new Koa()
        koa.silent = true
        koa.use(limit(policies, options)).use((ctx) => {
          ctx.respond = false
          endLate(ctx.req, ctx.res)
        })
        return { listener: koa.callback(), store: limit.store }
      },
    ],
    [
      'Fastify',
      () => {
        const limit = fastifySluice()
        const server = fastify()
        server.get('/', { onRequest: limit(policies, options) }, (request, reply) => {
          reply.hijack()
          endLate(request.raw, reply.raw)
        })
        return { listener: server.ready().then(() => server.routing as unknown as RequestListener), store: limit.store }
      },
    ],
  ]

  it.each(frameworks)('over HTTP/1.1 gives nothing back on %s', async (_title, make) => {
    const { listener, store } = make()
    ended = 0
    await serving(createServer(await listener), async (port) => {
      for (let login = 0; login < 12; login++) {
        const socket = connect(port, '127.0.0.1').on('error', () => {})
        socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
        await new Promise((resolve) => socket.once('data', resolve))
        socket.resetAndDestroy()
      }
      await vi.waitFor(() => expect(ended).toBe(12), 5_000)
      await pause(20)
      expect(left(store)).toBe(88)
      await (await fetch(`http://127.0.0.1:${port}/`, { headers: { 'x-stays': '1' } })).text()
      await vi.waitFor(() => expect(left(store)).toBe(88), 5_000)
    })
  })

  /** Express has no HTTP/2. Each handler waits until a client that does not stay has left. */
  const overHttp2: readonly [string, (arrived: () => void) => Made][] = [
    [
      'Koa',
      (arrived) => {
        const limit = koaSluice()
        const koa = new Koa()
        koa.silent = true
        koa.use(limit(policies, options)).use(async (ctx) => {
          arrived()
          if (ctx.get('x-stays') === '') await new Promise((resolve) => ctx.res.once('close', resolve))
          ctx.body = 'ok'
          ended += 1
        })
        return { listener: koa.callback(), store: limit.store }
      },
    ],
    [
      'Fastify',
      (arrived) => {
        const limit = fastifySluice()
        const server = fastify({ http2: true })
        server.get('/', { onRequest: limit(policies, options) as never }, async (request, reply) => {
          arrived()
          if (request.headers['x-stays'] === undefined) await new Promise((resolve) => reply.raw.once('close', resolve))
          ended += 1
          return 'ok'
        })
        return { listener: server.ready().then(() => server.routing as unknown as RequestListener), store: limit.store }
      },
    ],
  ]

  it.each(overHttp2)('over HTTP/2 gives nothing back on %s, and what was delivered it does', async (_title, make) => {
    let arrived = () => {}
    const { listener, store } = make(() => arrived())
    ended = 0
    const server = createServer2((await listener) as never)
    await new Promise<void>((resolve) => server.listen(0, resolve))
    const client = connectHttp2(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
    for (const code of [8, 0, 8]) {
      const there = new Promise<void>((resolve) => {
        arrived = resolve
      })
      const stream = client.request({ ':path': '/' }).on('error', () => {})
      await there
      stream.close(code)
    }
    await vi.waitFor(() => expect(ended).toBe(3), 5_000)
    await pause(20)
    expect(left(store)).toBe(97)
    await new Promise<void>((resolve) => {
      client.request({ ':path': '/', 'x-stays': '1' }).on('close', resolve).resume().end()
    })
    await vi.waitFor(() => expect(left(store)).toBe(97), 5_000)
    client.close()
    server.close()
  })
})

describe('a leaky bucket', () => {
  it('gives back the place of a pipelined client that leaves', async () => {
    const limit = sluice({ store: memoryStore() })
    const handled: string[] = []
    const slow = app().get('/slow', () => {})
    slow.get('/held', limit(leakyBucket('2/s', { queue: 5 }), { key: () => 'all' }), (_req, res) => {
      handled.push('held')
      res.end()
    })
    await serving(createServer(slow), async (port) => {
      const socket = connect(port, '127.0.0.1').on('error', () => {})
      const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`
      socket.write(get('/slow') + get('/held') + get('/held'))
      await pause(100)
      socket.resetAndDestroy()
      await pause(700)
    })
    expect(handled.length).toBeLessThanOrEqual(1)
  })
})

describe('limits on one response', () => {
  it('add one pair of listeners, however many give back', async () => {
    const warning = vi.spyOn(process, 'emitWarning')
    const limit = sluice()
    const limits = Array.from({ length: 15 }, (_, i) => limit('100/min', { name: `n${i}`, refund: 'failed' }))
    await request(app().get('/', ...limits, ok))
      .get('/')
      .expect(200)
    expect(warning).not.toHaveBeenCalled()
    warning.mockRestore()
  })

  it('each keep their own dialects', async () => {
    const limit = sluice()
    const quiet = limit('5/min', { name: 'quiet', headers: [] })
    const legacy = limit('6/min', { name: 'legacy', headers: 'legacy' })
    const server = app().get(
      '/',
      quiet,
      limit('7/min', { name: 'draft' }),
      legacy,
      limit('8/min', { name: 'last' }),
      ok,
    )
    const { headers } = await request(server).get('/')
    expect(headers['ratelimit']).toMatch(/^"draft";r=6;t=60, "last";r=7;t=60$/)
    expect(headers['x-ratelimit-limit']).toBe('6')
  })

  it('show the newest standing where one is mounted twice around another', async () => {
    const limit = sluice()
    const [outer, inner] = [limit('5/min', { name: 'outer' }), limit('6/min', { name: 'inner' })]
    const { headers } = await request(app().get('/', outer, inner, outer, ok)).get('/')
    expect(headers['ratelimit']).toMatch(/^"outer";r=4;t=60, "inner";r=5;t=60$/)
  })

  it('are each refunded by their own receipt', async () => {
    const limit = sluice()
    const server = app().get(
      '/',
      limit('100/min', { name: 'one' }),
      limit('100/min', { name: 'eight', cost: 8 }),
      (req, res) => void res.json([req.rateLimit?.cost, req.rateLimit?.standings.length]),
    )
    expect((await request(server).get('/')).body).toEqual([8, 1])
  })
})

describe('one decision over several keys and costs', () => {
  it('takes from all or from none, and gives each back what it took', async () => {
    const limit = sluice()
    const several = limit(
      [
        '10/s',
        { policy: '3/min', key: () => 'all', name: 'everybody' },
        {
          policy: '1000 tokens/day',
          key: (req) => req.get('x-team') ?? 'none',
          cost: (req) => Number(req.get('x-tokens')),
        },
      ],
      { name: 'chat', key: (req) => req.get('x-user') ?? 'nobody', refund: 'failed' },
    )
    const server = app().get('/:status', several, (req, res) => void res.sendStatus(Number(req.params['status'])))
    const as = (user: string, tokens: number, status = 200) =>
      request(server)
        .get(`/${status}`)
        .set({ 'x-user': user, 'x-team': 'blue', 'x-tokens': String(tokens) })
    expect((await as('ann', 400)).headers['ratelimit']).toMatch(
      /^"chat-1s";r=9;t=1, "everybody";r=2;t=60, "chat-1d";r=600;/,
    )
    expect((await as('bob', 601)).status).toBe(429)
    expect((await as('bob', 100, 500)).status).toBe(500)
    expect((await as('bob', 600)).headers['ratelimit']).toMatch(
      /^"chat-1s";r=9;t=1, "everybody";r=1;t=60, "chat-1d";r=0;/,
    )
    expect((await as('cat', 0)).status).toBe(200)
    expect((await as('dan', 0)).status).toBe(429)
  })
})

describe('the response to a denied request', () => {
  const listeners = {
    Express: (response: unknown) => {
      const limit = sluice()('1/h', { key: () => 'all', response: response as never })
      return app().get('/', limit, ok) as RequestListener
    },
    Koa: (response: unknown) => {
      const koa = new Koa().use(koaSluice()('1/h', { key: () => 'all', response: response as never }))
      koa.silent = true
      koa.use((ctx) => {
        ctx.body = 'ok'
      })
      return koa.callback()
    },
    Fastify: async (response: unknown) => {
      const server = fastify()
      const limit = fastifySluice()('1/h', { key: () => 'all', response: response as never })
      server.get('/', { onRequest: limit }, async () => 'ok')
      await server.ready()
      return server.routing as unknown as RequestListener
    },
  }
  const frameworks = Object.keys(listeners) as (keyof typeof listeners)[]

  it.each([
    ['no body', () => ({ status: 403 }), 403, ''],
    ['a status without content', () => ({ status: 204 }), 204, ''],
    ['a text, later', async () => ({ body: 'later' }), 429, 'later'],
    ['an object', () => ({ status: 402, body: { pay: true } }), 402, '{"pay":true}'],
    ['nothing, which is the usual one', () => undefined, 429, 'quota-exceeded'],
    ['a body where there can be none', () => ({ status: 204, body: 'x' }), 500, ''],
    ['an impossible status', () => ({ status: 99, body: 'x' }), 500, ''],
    ['a header that splits the response', () => ({ headers: { a: 'b\r\nc: d' }, body: 'x' }), 500, ''],
    ['a body that is a number', () => ({ body: 7 }), 500, ''],
  ])('may be %s, alike in every framework', async (_title, response, status, body) => {
    for (const framework of frameworks) {
      const listener = await listeners[framework](response)
      await request(listener).get('/').expect(200)
      const denied = await request(listener).get('/')
      expect([framework, denied.status]).toEqual([framework, status])
      if (status !== 500) expect(denied.text).toContain(body)
      if (status !== 500) expect(denied.headers['retry-after']).toBe('3600')
    }
  })
})

describe('the options of a limit', () => {
  it('leave the defaults of sluice() alone where they are undefined', async () => {
    const limit = sluice({ key: (req) => req.get('x-user') ?? 'nobody' })
    const server = app().get('/', limit('1/h', { key: undefined, cost: undefined }), ok)
    await request(server).get('/').set('x-user', 'ann').expect(200)
    await request(server).get('/').set('x-user', 'bob').expect(200)
    await request(server).get('/').set('x-user', 'ann').expect(429)
  })

  it('cannot give two limits one name', () => {
    const limit = sluice()
    limit(['10/s', '20/min'], { name: 'a' })
    expect(() => limit('20/min', { name: 'a-1min' })).toThrow('"a-1min" would stand for a policy of limit')
    limit('1/s')
    limit('2/s')
    expect(() => limit('3/s', { name: 'default-2' })).toThrow(
      '"default-2" is also what a limit without a name is called',
    )
    limit('30/s', { name: 'a' })
    expect(() => limit('30/h', { name: 'a' })).toThrow('"a" is already a limit with another window or algorithm')
    limit('60/s', { name: 'a' })
    const everybody = { policy: '10k/min', key: () => 'all', name: 'everybody' } as const
    limit(['10/s', everybody])
    limit(['20/s', everybody], { name: 'shares' })
    limit('10k/min', { name: 'everybody', key: () => 'all' })
  })

  it('cannot return a policy that looks like another limit', async () => {
    const limit = sluice()
    limit(['10/s', '20/min'], { name: 'a' })
    const other = limit(() => ({ policy: '30/min', name: 'a-1min' }), { name: 'b' })
    const failing: express.ErrorRequestHandler = (error, _req, res, _next) => {
      res.status(500).send(String(error))
    }
    const { text } = await request(app().get('/', other, ok).use(failing))
      .get('/')
      .expect(500)
    expect(text).toContain('"a-1min" would stand for a policy of limit "a-1min" and for one of "a"')
  })
})
