import {
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type RequestListener,
  request as requestOf,
  type Server,
} from 'node:http'
import { connect as connectHttp2, createServer as createServer2, type IncomingHttpHeaders } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { setTimeout as pause } from 'node:timers/promises'
import { createLimiter, type Decision, sluice as expressSluice, type Store } from '@sluice/express'
import { sluice as fastifySluice } from '@sluice/fastify'
import { sluice as koaSluice } from '@sluice/koa'
import express, { type ErrorRequestHandler } from 'express'
import fc from 'fast-check'
import fastify from 'fastify'
import Koa from 'koa'
import { describe, expect, it } from 'vitest'
import { listening } from '../servers.ts'

/**
 * The same requests to a limited server and to the same server without limits: what is allowed is answered as it would be
 * without, but for our fields; what is denied is counted, and so is nothing that failed before its decision.
 */

/** What a handler may do with a request. */
const endings = ['sends', 'streams', 'empties', 'throws', 'hijacks', 'is missing', 'is in a sub-app'] as const
type Ending = (typeof endings)[number]

interface Step {
  readonly ending: Ending
  readonly method: 'GET' | 'HEAD' | 'POST' | 'OPTIONS'
  /** What the limit's own key function does with it. */
  readonly key: 'a' | 'b' | 'fails' | 'rejects'
  readonly leaves: boolean
  readonly upgrades: boolean
}

const step: fc.Arbitrary<Step> = fc.record({
  ending: fc.constantFrom(...endings),
  method: fc.constantFrom('GET', 'HEAD', 'POST', 'OPTIONS'),
  key: fc.oneof({ weight: 6, arbitrary: fc.constantFrom('a', 'b') }, fc.constantFrom('fails', 'rejects')),
  leaves: fc.boolean(),
  upgrades: fc.boolean(),
})

const QUOTA = 6
const NAME = 'compared'

type Headers = IncomingMessage['headers'] | IncomingHttpHeaders

/** A key that comes from the request, or does not come at all. */
function keyOf(headers: Headers): string | Promise<string> {
  const key = String(headers['x-key'])
  if (key === 'fails') throw new Error('no key')
  return key === 'rejects' ? pause(1).then(() => Promise.reject(new Error('no key'))) : key
}

interface Made {
  readonly listener: RequestListener
  readonly store: Store | undefined
}

const frameworks: Readonly<Record<string, (limited: boolean) => Made | Promise<Made>>> = {
  Express(limited) {
    const limit = expressSluice()
    const app = express().set('env', 'test').set('etag', false)
    if (limited) app.use(limit(`${QUOTA}/h`, { name: NAME, key: (req) => keyOf(req.headers) as string }))
    app.all('/sends', (_req, res) => {
      res.json({ ok: true })
    })
    app.all('/streams', (_req, res) => {
      Readable.from(['one ', 'two']).pipe(res)
    })
    app.all('/empties', (_req, res) => {
      res.status(204).end()
    })
    app.all('/throws', () => {
      throw new Error('handler')
    })
    app.all('/hijacks', (_req, res) => {
      res.writeHead(202, { 'x-own': '1', 'content-length': '4' })
      res.end('mine')
    })
    const inner = express().all('/sub', (_req, res) => {
      res.send('inner')
    })
    app.use('/inner', inner)
    const failed: ErrorRequestHandler = (error, _req, res, next) => {
      if (res.headersSent) next(error)
      else res.status(500).send(error.message)
    }
    app.use(failed)
    return { listener: app, store: limited ? limit.store : undefined }
  },
  Koa(limited) {
    const limit = koaSluice()
    const app = new Koa()
    app.silent = true
    if (limited) app.use(limit(`${QUOTA}/h`, { name: NAME, key: (ctx) => keyOf(ctx.headers) as string }))
    app.use((ctx) => {
      if (ctx.path === '/sends') ctx.body = { ok: true }
      else if (ctx.path === '/streams') ctx.body = Readable.from(['one ', 'two'])
      else if (ctx.path === '/empties') ctx.status = 204
      else if (ctx.path === '/throws') throw new Error('handler')
      else if (ctx.path === '/inner/sub') ctx.body = 'inner'
      else if (ctx.path === '/hijacks') {
        ctx.respond = false
        ctx.res.writeHead(202, { 'x-own': '1', 'content-length': '4' })
        ctx.res.end('mine')
      }
    })
    return { listener: app.callback(), store: limited ? limit.store : undefined }
  },
  Fastify: (limited) => fastifyServer(limited, {}),
}

async function fastifyServer(limited: boolean, options: object): Promise<Made> {
  const limit = fastifySluice()
  const app = fastify({ exposeHeadRoutes: false, ...options })
  app.addContentTypeParser('*', (_request, _payload, done) => done(null))
  if (limited) {
    await app.register(limit.plugin, {
      policies: `${QUOTA}/h`,
      name: NAME,
      key: (request) => keyOf(request.headers) as string,
    })
  }
  const method = ['GET', 'HEAD', 'POST', 'OPTIONS']
  app.route({ method, url: '/sends', handler: async () => ({ ok: true }) })
  app.route({ method, url: '/streams', handler: (_request, reply) => reply.send(Readable.from(['one ', 'two'])) })
  app.route({ method, url: '/empties', handler: (_request, reply) => reply.code(204).send() })
  app.route({
    method,
    url: '/throws',
    handler: async () => {
      throw new Error('handler')
    },
  })
  app.route({
    method,
    url: '/hijacks',
    handler: (_request, reply) => {
      reply.hijack()
      reply.raw.writeHead(202, { ...(reply.getHeaders() as OutgoingHttpHeaders), 'x-own': '1', 'content-length': '4' })
      reply.raw.end('mine')
    },
  })
  app.register(async (inner) => inner.route({ method, url: '/sub', handler: async () => 'inner' }), {
    prefix: '/inner',
  })
  await app.ready()
  return { listener: app.routing as unknown as RequestListener, store: limited ? limit.store : undefined }
}

const pathOf = (ending: Ending) => (ending === 'is in a sub-app' ? '/inner/sub' : `/${ending.replace(' ', '-')}`)

interface Seen {
  readonly status: number | undefined
  readonly headers: Readonly<Record<string, unknown>>
  readonly body: string
}

const ours = ['ratelimit', 'ratelimit-policy', 'retry-after']
// Koa and Fastify know the length of what they send, also where nothing is sent; the date is the second's.
const others = (headers: Headers) =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => name !== 'date' && !ours.includes(name)))

type Ask = (step: Step) => Promise<{ seen: Seen; fields: Headers } | undefined>

/** Over HTTP/1.1; a client that leaves does so when the response begins. */
function overHttp1(server: Server): Ask {
  const { port } = server.address() as AddressInfo
  return ({ ending, method, key, leaves, upgrades }) =>
    new Promise((resolve, reject) => {
      const headers = { 'x-key': key, ...(upgrades ? { connection: 'Upgrade', upgrade: 'h2c' } : {}) }
      const asked = requestOf({ port, method, path: pathOf(ending), headers, agent: false }, (response) => {
        if (leaves) {
          asked.destroy()
          resolve(undefined)
          return
        }
        let body = ''
        response.on('data', (part) => {
          body += part
        })
        response.on('error', reject)
        response.on('end', () => {
          const seen = { status: response.statusCode, headers: others(response.headers), body }
          resolve({ seen, fields: response.headers })
        })
      })
      asked.on('error', (error) => (leaves ? resolve(undefined) : reject(error)))
      asked.setTimeout(4_000, () => reject(new Error('no answer')))
      asked.end(method === 'POST' ? 'body' : undefined)
    })
}

/** Over HTTP/2, on one connection; a client that leaves resets its stream when the response begins. */
function overHttp2(port: number): { ask: Ask; close: () => void } {
  const client = connectHttp2(`http://127.0.0.1:${port}`)
  const ask: Ask = ({ ending, method, key, leaves }) =>
    new Promise((resolve, reject) => {
      const stream = client.request({ ':path': pathOf(ending), ':method': method, 'x-key': key })
      let body = ''
      stream.setTimeout(4_000, () => reject(new Error('no answer')))
      stream.on('error', (error) => (leaves ? resolve(undefined) : reject(error)))
      stream.on('response', ({ ':status': status, ...headers }) => {
        if (leaves) {
          stream.close(8)
          resolve(undefined)
          return
        }
        stream.on('data', (part) => {
          body += part
        })
        stream.on('end', () => resolve({ seen: { status, headers: others(headers), body }, fields: headers }))
      })
      stream.end(method === 'POST' ? 'body' : undefined)
    })
  return { ask, close: () => client.close() }
}

/** Sends both servers the same, one after the other, and holds the limited one to the other and to the quota. */
async function compare(steps: readonly Step[], limited: Ask, bare: Ask, store: Store): Promise<void> {
  const taken = { a: 0, b: 0 }
  for (const one of steps) {
    const [answer, plain] = [await limited(one), await bare(one)]
    const counts = one.key === 'a' || one.key === 'b'
    const denied = counts && taken[one.key as 'a'] >= QUOTA
    if (counts && !denied) taken[one.key as 'a'] += 1
    if (answer === undefined) continue
    const { seen, fields } = answer
    if (!counts) {
      expect(seen.status).toBe(500)
      expect(fields['ratelimit']).toBeUndefined()
    } else if (denied) {
      expect([seen.status, fields['retry-after']]).toEqual([429, expect.stringMatching(/^\d+$/)])
    } else {
      expect(seen).toEqual(plain?.seen)
      expect(fields['ratelimit']).toMatch(`"${NAME}";r=${QUOTA - taken[one.key as 'a']};t=3`)
    }
  }
  const limiter = createLimiter({ policies: `${QUOTA}/h`, name: NAME, store })
  const left = (key: string) => (limiter.peek(key) as Decision).standings[0]?.remaining
  expect([left('a'), left('b'), left('fails'), left('rejects')]).toEqual([
    QUOTA - taken.a,
    QUOTA - taken.b,
    QUOTA,
    QUOTA,
  ])
}

describe.each(Object.keys(frameworks))('%s, beside the same server without limits', (name) => {
  const make = frameworks[name] as (limited: boolean) => Made | Promise<Made>

  it('answers alike whatever is allowed, and counts what it decided and nothing else', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async (steps) => {
        const [limited, bare] = [await make(true), await make(false)]
        const servers = [await listening(limited.listener), await listening(bare.listener)] as const
        try {
          await compare(steps, overHttp1(servers[0]), overHttp1(servers[1]), limited.store as Store)
        } finally {
          for (const server of servers) server.close().closeAllConnections()
        }
      }),
      { numRuns: 40 },
    )
  })
})

/** Koa over HTTP/2 never answers a HEAD that failed, limited or not. */
const answered = (one: Step): Step =>
  one.method === 'HEAD' && (one.ending === 'throws' || !['a', 'b'].includes(one.key)) ? { ...one, method: 'GET' } : one

/** Express has no HTTP/2. */
describe.each(['Koa', 'Fastify'])('%s over HTTP/2, beside the same server without limits', (name) => {
  const make = (limited: boolean) =>
    name === 'Koa'
      ? (frameworks['Koa'] as (limited: boolean) => Made)(limited)
      : fastifyServer(limited, { http2: true })

  it('answers alike whatever is allowed, and counts what it decided and nothing else', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async (steps) => {
        const [limited, bare] = [await make(true), await make(false)]
        const servers = [limited, bare].map(({ listener }) => createServer2(listener as never))
        const clients = await Promise.all(
          servers.map(async (server) => {
            await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
            return overHttp2((server.address() as AddressInfo).port)
          }),
        )
        try {
          await compare(steps.map(answered), clients[0]?.ask as Ask, clients[1]?.ask as Ask, limited.store as Store)
        } finally {
          for (const client of clients) client.close()
          for (const server of servers) server.close()
        }
      }),
      { numRuns: 25 },
    )
  })
})
