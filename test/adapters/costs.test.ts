import { once } from 'node:events'
import { createServer, request as requestOf, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { setTimeout as pause } from 'node:timers/promises'
import { createGzip } from 'node:zlib'
import { type Decision, sluice as expressSluice, type LimitOptions, type Policy } from '@sluice/express'
import { sluice as fastifySluice } from '@sluice/fastify'
import { sluice as koaSluice } from '@sluice/koa'
import express, { type Request, type RequestHandler } from 'express'
import fastify from 'fastify'
import Koa from 'koa'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { until } from '../redis/servers.ts'

type Policies = string | readonly (string | Policy | { readonly policy: string; readonly cost: number })[]

interface Served {
  readonly server: Server
  peek(): Promise<Decision>
}

const SHARED = { name: 'gate', key: () => 'all' } as const

/** Answers each request behind the limit, on Node's own response; `decision` is what the framework shows of it. */
type Handler = (res: ServerResponse, decision: Decision | undefined) => void | Promise<void>

const frameworks: Readonly<Record<string, (policies: Policies, options: object, handler: Handler) => Promise<Served>>> =
  {
    async Express(policies, options, handler) {
      const gate = expressSluice()(policies as string, { ...SHARED, ...options } as LimitOptions<Request>)
      const app = express().set('env', 'test').use(gate)
      app.use((req, res) => void handler(res, req.rateLimit))
      return { server: await listening(createServer(app)), peek: async () => gate.peek('all', { cost: 0 }) }
    },
    async Koa(policies, options, handler) {
      const gate = koaSluice()(policies as string, { ...SHARED, ...options })
      const app = new Koa().use(gate)
      app.silent = true
      app.use(async (context) => {
        context.respond = false
        context.res.statusCode = 200
        await handler(context.res, context.state.rateLimit)
      })
      return { server: await listening(createServer(app.callback())), peek: async () => gate.peek('all', { cost: 0 }) }
    },
    async Fastify(policies, options, handler) {
      const gate = fastifySluice()(policies as string, { ...SHARED, ...options })
      const app = fastify({ forceCloseConnections: true })
      app.addHook('onRequest', gate)
      app.get('/', (request, reply) => {
        reply.hijack()
        void handler(reply.raw, request.rateLimit)
      })
      await app.listen({ port: 0 })
      return { server: app.server, peek: async () => gate.peek('all', { cost: 0 }) }
    },
  }

const served: Server[] = []
afterEach(() => {
  for (const server of served.splice(0)) {
    server.closeAllConnections()
    server.close()
  }
})

async function listening(server: Server): Promise<Server> {
  server.listen(0)
  await once(server, 'listening')
  return server
}

interface Received {
  readonly status: number | undefined
  /** Body bytes as they came over the wire, still compressed. */
  readonly bytes: number
}

function get(server: Server, { method = 'GET', leaveAfter = Number.POSITIVE_INFINITY } = {}): Promise<Received> {
  const { port } = server.address() as AddressInfo
  return new Promise((resolve, reject) => {
    const sent = requestOf({ port, method, agent: false }, (response) => {
      let bytes = 0
      const done = () => resolve({ status: response.statusCode, bytes })
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length
        if (bytes >= leaveAfter) sent.destroy()
      })
      response.on('end', done).on('error', done)
    })
    sent.on('error', reject).end()
  })
}

const usedBy = async (peek: Served['peek']) => (await peek()).standings[0]?.used

describe.each(Object.entries(frameworks))('costs in %s', (_title, make) => {
  async function serve(policies: Policies, options: object, handler: Handler): Promise<Served> {
    const made = await make(policies, options, handler)
    served.push(made.server)
    return made
  }

  it.each<[string, number]>([
    ['more', 700],
    ['less', 30],
    ['nothing', 0],
  ])('are settled when they turn out to be %s', async (_what, actual) => {
    const { server, peek } = await serve('1000/min', { cost: 100 }, async (res, decision) => {
      res.write('begun')
      expect(await decision?.settle(actual)).toBe(true)
      expect(await decision?.settle(999)).toBe(false)
      expect(await decision?.cancel()).toBe(false)
      res.end()
    })
    await get(server)
    expect(await usedBy(peek)).toBe(actual)
  })

  it('of each unit are settled apart, and of an unknown one refused', async () => {
    const policies = ['60/min', { policy: '1000 tokens/min', cost: 100 }] as const
    const { server, peek } = await serve(policies, {}, async (res, decision) => {
      expect(() => decision?.settle(5)).toThrow('settle(): this limit counts requests and tokens. Name one of them')
      expect(() => decision?.settle(5, 'content-bytes')).toThrow('settle(): this limit does not count "content-bytes"')
      expect(() => decision?.settle(1.5, 'tokens')).toThrow('A cost to settle is a whole number')
      expect(await decision?.settle(450, 'tokens')).toBe(true)
      expect(await decision?.settle(0, 'requests')).toBe(true)
      res.end()
    })
    await get(server)
    expect((await peek()).standings.map(({ used }) => used)).toEqual([0, 450])
  })

  it('that are more than there is leave a debt, which the next request is told of', async () => {
    const { server, peek } = await serve('1000/min', { cost: 100 }, async (res, decision) => {
      await decision?.settle(2_500)
      res.end()
    })
    expect((await get(server)).status).toBe(200)
    const [standing] = (await peek()).standings
    expect([standing?.remaining, standing?.debt, standing?.used]).toEqual([0, 1_500, 2_500])
    expect((await get(server)).status).toBe(429)
  })

  it('that are held by requests in progress are told from those that are used up', async () => {
    const open: ServerResponse[] = []
    const { server } = await serve('1000/min', { cost: 500 }, async (res, decision) => {
      if (open.length === 0) await decision?.settle(400)
      open.push(res)
    })
    const first = get(server)
    await until(() => open.length === 1)
    const second = get(server)
    await until(() => open.length === 2)
    const { port } = server.address() as AddressInfo
    const denied = await fetch(`http://127.0.0.1:${port}`)
    expect(denied.status).toBe(429)
    expect(await denied.json()).toMatchObject({
      detail: expect.stringContaining('500 requests of the limit are reserved by requests in progress'),
    })
    for (const res of open) res.end()
    await Promise.all([first, second])
  })

  it('in bytes are what was sent: in one piece, in chunks, to HEAD and without content', async () => {
    const bodies: ((res: ServerResponse) => void)[] = [
      (res) => res.end(Buffer.alloc(1_000)),
      (res) => res.end('é'.repeat(100)),
      (res) => res.end('00ff', 'hex'),
      (res) => Readable.from([Buffer.alloc(300), Buffer.alloc(30)]).pipe(res),
      (res) => {
        res.write('abc', () => res.end(new Uint8Array(7), () => undefined))
      },
      (res) => {
        res.statusCode = 204
        res.end()
      },
    ]
    let turn = 0
    const { server, peek } = await serve('1MB/min', {}, (res) => bodies[turn]?.(res))
    const expected = [1_000, 200, 2, 330, 10, 0]
    let total = 0
    for (const bytes of expected) {
      expect((await get(server)).bytes).toBe(bytes)
      total += bytes
      await until(async () => (await usedBy(peek)) === total)
      turn += 1
    }
    turn = 0
    if (_title !== 'Fastify') {
      await get(server, { method: 'HEAD' })
      await pause(20)
      expect(await usedBy(peek)).toBe(total)
    }
  })

  it('in bytes count what a client received that left, and not what it was sent in vain', async () => {
    const chunk = Buffer.alloc(64 * 1024)
    const { server, peek } = await serve('1GB/min', {}, (res) => {
      const body = Readable.from(
        (function* () {
          for (let i = 0; i < 2_000; i++) yield chunk
        })(),
      )
      body.on('error', () => undefined).pipe(res)
      res.on('close', () => body.destroy())
    })
    const { bytes } = await get(server, { leaveAfter: 1_000_000 })
    await until(async () => (await peek()).standings[0]?.used !== 1)
    const used = (await usedBy(peek)) ?? 0
    expect(used).toBeGreaterThanOrEqual(bytes)
    // What was in the buffers of both kernels had left this process.
    expect(used).toBeLessThan(bytes + 16_000_000)
  })

  it('of a client that is denied count where they are to', async () => {
    const { server, peek } = await serve('2/h', { countDenied: true }, (res) => void res.end())
    const statuses = []
    for (let i = 0; i < 6; i++) statuses.push((await get(server)).status)
    expect(statuses).toEqual([200, 200, 429, 429, 429, 429])
    const [standing] = (await peek()).standings
    expect([standing?.used, standing?.debt]).toEqual([4, 2])
  })

  it('beyond the quota are delayed step by step, and denied never', async () => {
    const { server } = await serve('2/h', { delay: { stepMs: 60, maxMs: 150 } }, (res) => void res.end())
    const took: number[] = []
    for (let i = 0; i < 6; i++) {
      const began = performance.now()
      expect((await get(server)).status).toBe(200)
      took.push(performance.now() - began)
    }
    for (const [i, least] of [0, 0, 59, 119, 149, 149].entries()) expect(took[i]).toBeGreaterThanOrEqual(least)
    expect(took[1]).toBeLessThan(59)
    expect(took[5]).toBeLessThan(400)
  })

  it('are delayed as a function says, and no longer than the client is there', async () => {
    const handler = vi.fn((res: ServerResponse) => void res.end())
    const delay = vi.fn(async ({ standings: [standing] }: Decision) => (standing?.debt === 0 ? 0 : 60_000))
    const { server, peek } = await serve('1/h', { delay }, handler)
    expect((await get(server)).status).toBe(200)
    const { port } = server.address() as AddressInfo
    await expect(fetch(`http://127.0.0.1:${port}`, { signal: AbortSignal.timeout(50) })).rejects.toThrow()
    await until(async () => (await usedBy(peek)) === 2)
    expect(handler).toHaveBeenCalledTimes(1)
  })

  it('whose delay is no number fail', async () => {
    for (const wrong of [Number.NaN, -1, 'soon', undefined]) {
      const { server } = await serve('1/h', { delay: () => wrong }, (res) => void res.end())
      expect((await get(server)).status).toBe(500)
    }
  })
})

describe('bytes of a compressed response', () => {
  /** Compresses as `compression` does: it takes the response's methods, and writes through those that it found. */
  const compressing: RequestHandler = (_req, res, next) => {
    const write = res.write.bind(res) as (chunk: Buffer) => boolean
    const end = res.end.bind(res) as () => void
    const gzip = createGzip()
    gzip.on('data', (chunk: Buffer) => write(chunk)).on('end', () => end())
    res.setHeader('content-encoding', 'gzip')
    res.write = ((chunk: Buffer) => gzip.write(chunk)) as typeof res.write
    res.end = ((chunk?: Buffer) => gzip.end(chunk)) as unknown as typeof res.end
    next()
  }

  it.each([
    ['behind the limit', false],
    ['in front of it', true],
  ])('are those that were sent, with compression %s', async (_where, isFirst) => {
    const gate = expressSluice()('1MB/min', SHARED)
    const app = express().set('env', 'test')
    for (const one of isFirst ? [compressing, gate] : [gate, compressing]) app.use(one as RequestHandler)
    app.use((_req, res) => {
      for (let i = 0; i < 50; i++) res.write(Buffer.from(`${i} `.repeat(2_000)))
      res.end()
    })
    const server = await listening(createServer(app))
    served.push(server)
    const { bytes } = await get(server)
    expect(bytes).toBeLessThan(10_000)
    await until(async () => (await gate.peek('all', { cost: 0 })).standings[0]?.used !== 1)
    const used = (await gate.peek('all', { cost: 0 })).standings[0]?.used ?? 0
    expect(used).toBeGreaterThanOrEqual(bytes)
    // On the connection, each chunk has some bytes around it.
    expect(used - bytes).toBeLessThanOrEqual(isFirst ? 100 : 0)
  })
})
