import { once } from 'node:events'
import { createServer, type IncomingMessage, request as requestOf, type Server, type ServerResponse } from 'node:http'
import { connect as connectHttp2, createServer as createServer2 } from 'node:http2'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { concurrency, sluice as expressSluice, type Policy } from '@sluice/express'
import { sluice as fastifySluice } from '@sluice/fastify'
import { sluice as koaSluice } from '@sluice/koa'
import express, { type ErrorRequestHandler } from 'express'
import fastify from 'fastify'
import Koa from 'koa'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { until } from '../redis/servers.ts'

/** What becomes of a request behind the limit, on Node's own request and response. */
type Ending = (req: IncomingMessage, res: ServerResponse) => void

/** Handlers that are under way, by the test. */
let open: ServerResponse[] = []
let rejections: unknown[] = []
const note = (error: unknown) => rejections.push(error)

const endings: Readonly<Record<string, Ending>> = {
  '/now': (_req, res) => res.end('ok'),
  '/wait': (_req, res) => void open.push(res),
  '/stream': (_req, res) => {
    res.write('begun')
    open.push(res)
  },
  '/hijacks-socket': (_req, res) => {
    // Answers by itself and keeps the connection, as what speaks WebSockets does.
    const { socket } = res
    if (socket === null) return
    res.detachSocket(socket)
    socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: own\r\nConnection: Upgrade\r\n\r\n')
    open.push(res)
  },
}

interface Served {
  readonly server: Server
  remaining(): Promise<number | undefined>
}

const SHARED = { name: 'gate', key: () => 'all' } as const

async function listening(server: Server): Promise<Server> {
  server.listen(0)
  await once(server, 'listening')
  return server
}

const frameworks: Readonly<Record<string, (policies: readonly Policy[]) => Promise<Served>>> = {
  async Express(policies) {
    const limit = expressSluice()
    const gate = limit(policies, SHARED)
    const app = express().set('env', 'test')
    app.use(gate)
    app.get('/throws', () => {
      throw new Error('handler')
    })
    app.get('/denied', limit('1/h', { name: 'denied', key: () => 'all' }), (_req, res) => {
      res.end('ok')
    })
    for (const [path, end] of Object.entries(endings)) app.get(path, end)
    const failed: ErrorRequestHandler = (_error, _req, res, _next) => {
      res.status(500).end()
    }
    app.use(failed)
    return {
      server: await listening(createServer(app)),
      remaining: async () => (await gate.peek('all')).standings[0]?.remaining,
    }
  },
  async Koa(policies) {
    const limit = koaSluice()
    const gate = limit(policies, SHARED)
    const denied = limit('1/h', { name: 'denied', key: () => 'all' })
    const app = new Koa().use(gate)
    app.silent = true
    app.use((context, next) => (context.path === '/denied' ? denied(context, next) : next()))
    app.use((context) => {
      if (context.path === '/throws') throw new Error('handler')
      const end = endings[context.path]
      if (end === undefined) {
        context.body = 'ok'
        return
      }
      context.respond = false
      context.res.statusCode = 200
      end(context.req, context.res)
    })
    return {
      server: await listening(createServer(app.callback())),
      remaining: async () => (await gate.peek('all')).standings[0]?.remaining,
    }
  },
  async Fastify(policies) {
    const limit = fastifySluice()
    const gate = limit(policies, SHARED)
    const app = fastify({ forceCloseConnections: true })
    app.addHook('onRequest', gate)
    app.get('/throws', async () => {
      throw new Error('handler')
    })
    app.get('/denied', { onRequest: limit('1/h', { name: 'denied', key: () => 'all' }) }, async () => 'ok')
    for (const [path, end] of Object.entries(endings)) {
      app.get(path, (request, reply) => {
        reply.hijack()
        for (const [name, value] of Object.entries(reply.getHeaders())) reply.raw.setHeader(name, value ?? '')
        end(request.raw, reply.raw)
      })
    }
    await app.listen({ port: 0 })
    return { server: app.server, remaining: async () => (await gate.peek('all')).standings[0]?.remaining }
  },
}

const served: Server[] = []

beforeEach(() => {
  open = []
  rejections = []
  process.on('unhandledRejection', note)
})

afterEach(async () => {
  for (const res of open) res.end()
  for (const server of served.splice(0)) {
    server.closeAllConnections()
    server.close()
  }
  await pause(1)
  process.off('unhandledRejection', note)
  expect(rejections).toEqual([])
})

interface Answer {
  readonly status: number | undefined
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

function get(server: Server, path: string): Promise<Answer> & { leave(): void } {
  const { port } = server.address() as AddressInfo
  const sent = requestOf({ port, path, agent: false })
  const answer = new Promise<Answer>((resolve, reject) => {
    sent.on('error', reject).on('response', (response) => {
      let body = ''
      response.setEncoding('utf8').on('data', (chunk) => {
        body += chunk
      })
      response.on('error', reject).on('end', () => {
        resolve({ status: response.statusCode, headers: response.headers, body })
      })
    })
    sent.end()
  })
  answer.catch(() => undefined)
  return Object.assign(answer, { leave: () => void sent.destroy() })
}

describe.each(Object.entries(frameworks))('slots in %s', (_title, make) => {
  async function serve(...policies: Policy[]): Promise<Served> {
    const made = await make(policies)
    served.push(made.server)
    return made
  }

  it('are held until the response has been sent', async () => {
    const { server, remaining } = await serve(concurrency(2))
    const first = get(server, '/wait')
    await until(async () => open.length === 1)
    const second = get(server, '/stream')
    await until(async () => open.length === 2)
    const third = await get(server, '/now')
    expect(third.status).toBe(429)
    expect(third.headers['ratelimit-policy']).toBe('"gate";q=2;qu="concurrent-requests"')
    expect(third.headers['ratelimit']).toBe('"gate";r=0')
    expect(third.headers['retry-after']).toBe('1')
    expect(JSON.parse(third.body)).toMatchObject({
      type: 'https://iana.org/assignments/http-problem-types#quota-exceeded',
      detail:
        'The limit "gate" (2 at a time) is full: as many of your requests are still in progress. Try again in about 1 second.',
    })
    for (const res of open) res.end('done')
    expect((await first).headers['ratelimit']).toBe('"gate";r=1')
    await second
    await until(async () => (await remaining()) === 2)
    expect((await get(server, '/now')).status).toBe(200)
  })

  it('return where the handler throws, and where a later limit denies', async () => {
    const { server, remaining } = await serve(concurrency(1))
    expect((await get(server, '/throws')).status).toBe(500)
    await until(async () => (await remaining()) === 1)
    expect([(await get(server, '/denied')).status, (await get(server, '/denied')).status]).toEqual([200, 429])
    await until(async () => (await remaining()) === 1)
  })

  it.each(['/wait', '/stream'])('return when the client leaves %s', async (path) => {
    const { server, remaining } = await serve(concurrency(1))
    const client = get(server, path)
    await until(async () => open.length === 1)
    expect(await remaining()).toBe(0)
    client.leave()
    await until(async () => (await remaining()) === 1)
  })

  it('are held by a connection that a handler has taken over, until it closes', async () => {
    const { server, remaining } = await serve(concurrency(1))
    const socket: Socket = connect((server.address() as AddressInfo).port).on('error', () => undefined)
    socket.write('GET /hijacks-socket HTTP/1.1\r\nHost: a\r\n\r\n')
    await once(socket, 'data')
    expect(await remaining()).toBe(0)
    socket.destroy()
    await until(async () => (await remaining()) === 1)
  })

  it('return of pipelined requests, answered or not', async () => {
    const { server, remaining } = await serve(concurrency(3))
    const socket = connect((server.address() as AddressInfo).port).on('error', () => undefined)
    socket.write('GET /wait HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(3))
    await until(async () => open.length === 3)
    expect(await remaining()).toBe(0)
    open[0]?.end()
    await until(async () => (await remaining()) === 1)
    socket.resetAndDestroy()
    await until(async () => (await remaining()) === 3)
  })

  it('that clients share are a shortage of the server', async () => {
    const { server } = await serve(concurrency(1, { shared: true }))
    get(server, '/wait')
    await until(async () => open.length === 1)
    const denied = await get(server, '/now')
    expect(denied.status).toBe(503)
    expect(JSON.parse(denied.body)).toMatchObject({
      type: 'https://iana.org/assignments/http-problem-types#temporary-reduced-capacity',
      status: 503,
      'retry-after': 1,
    })
  })

  it('are waited for in order, and given on as they are released', async () => {
    const { server, remaining } = await serve(concurrency(1, { queue: { size: 2, timeoutMs: 5_000 } }))
    const first = get(server, '/wait')
    await until(async () => open.length === 1)
    const second = get(server, '/wait')
    await pause(20)
    const third = get(server, '/now')
    await pause(20)
    expect((await get(server, '/now')).status).toBe(429)
    expect(open).toHaveLength(1)
    open.shift()?.end('first')
    await until(async () => open.length === 1)
    expect(await remaining()).toBe(0)
    open.shift()?.end('second')
    expect((await Promise.all([first, second, third])).map(({ body }) => body)).toEqual(['first', 'second', 'ok'])
    await until(async () => (await remaining()) === 1)
  })

  it('are not waited for beyond the time, nor by who has left', async () => {
    const { server, remaining } = await serve(concurrency(1, { queue: { size: 9, timeoutMs: 60 } }))
    get(server, '/wait')
    await until(async () => open.length === 1)
    const leaver = get(server, '/wait')
    const late = get(server, '/wait')
    await pause(20)
    leaver.leave()
    expect((await late).status).toBe(429)
    open.shift()?.end()
    await until(async () => (await remaining()) === 1)
    expect(open).toHaveLength(0)
  })

  it('of one of many policies are taken with the others or not at all', async () => {
    const { server, remaining } = await serve(concurrency(1))
    const answers = await Promise.all(Array.from({ length: 5 }, () => get(server, '/now')))
    expect(answers.every(({ status }) => status === 200 || status === 429)).toBe(true)
    await until(async () => (await remaining()) === 1)
  })
})

describe('slots over HTTP/2', () => {
  it.each(['Koa', 'Fastify'])('return when the client resets the stream (%s)', async (framework) => {
    const held: ServerResponse[] = []
    const forKoa = koaSluice()(concurrency(2), SHARED)
    const forFastify = fastifySluice()(concurrency(2), SHARED)
    const server = createServer2()
    if (framework === 'Koa') {
      const app = new Koa().use(forKoa)
      app.use((context) => {
        context.respond = false
        held.push(context.res)
      })
      server.on('request', app.callback() as never)
      server.listen(0)
    } else {
      const app = fastify({ http2: true, serverFactory: (handler) => server.on('request', handler as never) as never })
      app.addHook('onRequest', forFastify)
      app.get('/', (_request, reply) => {
        reply.hijack()
        held.push(reply.raw as never)
      })
      await app.ready()
      server.listen(0)
    }
    await once(server, 'listening')
    const client = connectHttp2(`http://localhost:${(server.address() as AddressInfo).port}`)
    const used = framework === 'Koa' ? forKoa : forFastify
    const remaining = async () => (await used.peek('all')).standings[0]?.remaining
    const [left, answered] = [client.request({ ':path': '/' }), client.request({ ':path': '/' })]
    await until(async () => held.length === 2)
    expect(await remaining()).toBe(0)
    left.close(8)
    await until(async () => (await remaining()) === 1)
    for (const res of held) res.end()
    answered.resume()
    await until(async () => (await remaining()) === 2)
    client.close()
    server.close()
  })
})
