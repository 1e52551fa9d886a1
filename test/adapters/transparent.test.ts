import { request as httpRequest, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { PassThrough } from 'node:stream'
import { sluice as forExpress, memoryStore, type Store } from '@sluice/express'
import { sluice as forFastify } from '@sluice/fastify'
import { sluice as forKoa } from '@sluice/koa'
import express from 'express'
import fastify from 'fastify'
import Koa from 'koa'
import { describe, expect, it, vi } from 'vitest'

/** A body that comes in two parts, the second only once the first has been seen. */
function twoParts(): PassThrough {
  const stream = new PassThrough()
  stream.write('first ')
  setTimeout(() => stream.end('second'), 20)
  return stream
}

function onExpress(limited: boolean): Promise<Server> {
  const app = express()
  if (limited) app.use(forExpress()('1000/min'))
  app.get('/', (_req, res) => {
    res.json({ ok: true })
  })
  app.get('/stream', (_req, res) => {
    twoParts().pipe(res)
  })
  app.get('/error', () => {
    throw Object.assign(new Error('downstream'), { status: 418, stack: 'downstream' })
  })
  return new Promise((resolve) => {
    const server = app.listen(0, () => resolve(server))
  })
}

function onKoa(limited: boolean): Promise<Server> {
  const app = new Koa()
  app.silent = true
  if (limited) app.use(forKoa()('1000/min'))
  app.use((ctx) => {
    if (ctx.path === '/error') ctx.throw(418, 'downstream')
    else if (ctx.path === '/stream') ctx.body = twoParts()
    else if (ctx.path === '/') ctx.body = { ok: true }
  })
  return new Promise((resolve) => {
    const server = app.listen(0, () => resolve(server))
  })
}

async function onFastify(limited: boolean): Promise<Server> {
  const app = fastify()
  if (limited) app.addHook('onRequest', forFastify()('1000/min'))
  app.get('/', async () => ({ ok: true }))
  app.get('/stream', (_request, reply) => reply.send(twoParts()))
  app.get('/error', async () => {
    throw Object.assign(new Error('downstream'), { statusCode: 418 })
  })
  await app.listen({ port: 0, host: '127.0.0.1' })
  return app.server
}

interface Seen {
  readonly status: number | undefined
  readonly headers: Record<string, unknown>
  readonly parts: readonly string[]
}

function ask(server: Server, method: string, path: string): Promise<Seen> {
  const { port } = server.address() as AddressInfo
  return new Promise((resolve, reject) => {
    const asked = httpRequest({ host: '127.0.0.1', port, method, path }, (response) => {
      const parts: string[] = []
      response.on('data', (part) => parts.push(String(part)))
      response.on('end', () => {
        const { date, ...headers } = response.headers
        resolve({ status: response.statusCode, headers, parts })
      })
    })
    asked.on('error', reject).end()
  })
}

describe.each([
  ['Express', onExpress],
  ['Koa', onKoa],
  ['Fastify', onFastify],
])('a limited %s server', (_title, start) => {
  it.each([
    ['GET', '/'],
    ['HEAD', '/'],
    ['OPTIONS', '/'],
    ['GET', '/stream'],
    ['GET', '/error'],
    ['GET', '/missing'],
  ])('answers %s %s as it would without, but for the limit’s fields', async (method, path) => {
    const [bare, limited] = [await start(false), await start(true)]
    const without = await ask(bare, method, path)
    const { headers, ...rest } = await ask(limited, method, path)
    const { ratelimit, 'ratelimit-policy': policy, ...others } = headers
    expect({ headers: others, ...rest }).toEqual(without)
    expect(policy).toBe('"default";q=1000;w=60')
    expect(ratelimit).toMatch(/^"default";r=999;t=\d+$/)
    bare.close()
    limited.close()
  })
})

describe('a store that several processes may share', () => {
  it('is warned of once when limits are told apart only by their order', () => {
    const warning = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    const inner = memoryStore()
    const shared: Store = {
      consume: async (asks) => inner.consume(asks),
      peek: async (asks) => inner.peek(asks),
      consumeOnce: async (asks, once) => inner.consumeOnce(asks, once),
      edit: async (change) => inner.edit(change),
      renew: async (renewals) => inner.renew(renewals),
      readTexts: async (known) => inner.readTexts(known),
      writeText: async (entry) => inner.writeText(entry),
      refund: async (returns) => inner.refund(returns),
      reset: async (policies, keys) => inner.reset(policies, keys),
      clear: async (policies) => inner.clear(policies),
      close: async () => inner.close(),
    }
    const limit = forExpress({ store: shared })
    limit('1/s', { name: 'named' })
    limit('1/s')
    expect(warning).not.toHaveBeenCalled()
    limit('1/s')
    limit('1/s')
    expect(warning).toHaveBeenCalledExactlyOnceWith(
      expect.stringContaining("limit('100/min', { name: 'search' })"),
      expect.objectContaining({ code: 'SLUICE_UNNAMED' }),
    )
    warning.mockRestore()
  })
})
