import type { RequestListener } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { sluice as expressSluice, leakyBucket } from '@sluice/express'
import { sluice as fastifySluice } from '@sluice/fastify'
import { sluice as koaSluice } from '@sluice/koa'
import express from 'express'
import fc from 'fast-check'
import fastify from 'fastify'
import Koa from 'koa'
import { describe, expect, it } from 'vitest'
import { listening } from '../servers.ts'

/** What a function of the options may do: answer, now or later, or misbehave. */
interface Behaviour {
  readonly how: 'returns' | 'resolves' | 'throws' | 'rejects' | 'thenable'
  readonly value: unknown
  readonly ms: number
}

const odd = fc.constantFrom<unknown>(undefined, null, '', 'route', 0, -1, Number.NaN, {}, [], new Error('odd'), true)
const behaviour = (good: fc.Arbitrary<unknown>): fc.Arbitrary<Behaviour> =>
  fc.record({
    how: fc.constantFrom('returns', 'resolves', 'throws', 'rejects', 'thenable'),
    value: fc.oneof({ weight: 3, arbitrary: good }, odd),
    ms: fc.nat(6),
  })

function act({ how, value, ms }: Behaviour): unknown {
  if (how === 'returns') return value
  if (how === 'throws') throw value
  // biome-ignore lint/suspicious/noThenProperty: what is not a promise, but can be waited for, is the point.
  if (how === 'thenable') return { then: (resolve: (value: unknown) => void) => setTimeout(resolve, ms, value) }
  return pause(ms).then(() => {
    if (how === 'rejects') throw value
    return value
  })
}

const scene = fc.record({
  policies: fc.constantFrom<unknown>(
    '1000/min',
    '3/min',
    ['1000/min', { policy: '5/h', key: () => 'all', name: 'all' }],
    leakyBucket('200/s', { queue: 3 }),
  ),
  options: fc.record(
    {
      key: behaviour(fc.constantFrom('a', 'b')),
      cost: behaviour(fc.constantFrom(0, 1, 2)),
      skip: behaviour(fc.boolean()),
      refund: behaviour(fc.boolean()),
      response: behaviour(fc.constant({ body: 'slow down' })),
    },
    { requiredKeys: [] },
  ),
  listener: behaviour(fc.constant(undefined)),
  handler: fc.constantFrom<'answers' | 'answers late' | 'throws'>('answers', 'answers late', 'throws'),
  clients: fc.array(fc.record({ leavesAfterMs: fc.option(fc.nat(8)), pipelined: fc.boolean() }), {
    minLength: 1,
    maxLength: 8,
  }),
})
type Scene = typeof scene extends fc.Arbitrary<infer T> ? T : never

const functions = (options: Scene['options']) =>
  Object.fromEntries(Object.entries(options).map(([name, how]) => [name, () => act(how as Behaviour)]))

const servers = {
  Express({ policies, options, listener, handler }: Scene): RequestListener {
    const limit = expressSluice()
    limit.on('decision', () => act(listener) as never)
    return express()
      .set('env', 'test')
      .get('/', limit(policies as never, functions(options) as never), async (_req, res) => {
        if (handler === 'throws') throw new Error('handler')
        if (handler === 'answers late') await pause(4)
        res.send('fine')
      })
  },
  Koa({ policies, options, listener, handler }: Scene): RequestListener {
    const limit = koaSluice()
    limit.on('decision', () => act(listener) as never)
    const koa = new Koa()
    koa.silent = true
    koa.use(limit(policies as never, functions(options) as never)).use(async (ctx) => {
      if (handler === 'throws') throw new Error('handler')
      if (handler === 'answers late') await pause(4)
      ctx.body = 'fine'
    })
    return koa.callback()
  },
  async Fastify({ policies, options, listener, handler }: Scene): Promise<RequestListener> {
    const limit = fastifySluice()
    limit.on('decision', () => act(listener) as never)
    const app = fastify()
    app.get('/', { onRequest: limit(policies as never, functions(options) as never) }, async () => {
      if (handler === 'throws') throw new Error('handler')
      if (handler === 'answers late') await pause(4)
      return 'fine'
    })
    await app.ready()
    return app.routing as unknown as RequestListener
  },
}

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'

/** How many of its requests a client that stays is answered, and by which statuses. */
function visit(port: number, client: Scene['clients'][number]): Promise<readonly number[]> {
  return new Promise((resolve, reject) => {
    const wanted = client.pipelined ? 3 : 1
    let text = ''
    const statuses = () => [...text.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => Number(status))
    const socket = connect(port, '127.0.0.1', () => socket.write(GET.repeat(wanted)))
    socket.on('error', () => resolve([]))
    socket.on('close', () => resolve(statuses()))
    socket.on('data', (part) => {
      text += part
      if (statuses().length === wanted) setTimeout(() => socket.destroy(), 2)
    })
    if (client.leavesAfterMs !== null) setTimeout(() => socket.resetAndDestroy(), client.leavesAfterMs)
    else setTimeout(() => reject(new Error(`${statuses().length} of ${wanted} answered`)), 4_000).unref()
  })
}

describe.each(Object.keys(servers) as (keyof typeof servers)[])('whatever a user and a client do, %s', (framework) => {
  it('answers every client that stays, with the handler’s answer, a denial or an error, and rejects nothing', async () => {
    const rejected: unknown[] = []
    const note = (error: unknown) => rejected.push(error)
    process.on('unhandledRejection', note)
    process.on('uncaughtException', note)
    try {
      await fc.assert(
        fc.asyncProperty(scene, async (one) => {
          const server = await listening(await servers[framework](one))
          try {
            const { port } = server.address() as AddressInfo
            const answers = await Promise.all(one.clients.map((client) => visit(port, client)))
            for (const [i, statuses] of answers.entries()) {
              if (one.clients[i]?.leavesAfterMs === null) expect(statuses.length).toBeGreaterThan(0)
              for (const status of statuses) expect([200, 429, 500]).toContain(status)
            }
            await pause(10)
            expect(rejected).toEqual([])
          } finally {
            server.closeAllConnections()
            server.close()
          }
        }),
        { numRuns: 80 },
      )
    } finally {
      process.off('unhandledRejection', note)
      process.off('uncaughtException', note)
    }
  })
})
