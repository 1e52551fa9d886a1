import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { connect as connectHttp2, constants, createServer as createServer2 } from 'node:http2'
import { type AddressInfo, connect } from 'node:net'
import { sluice as expressSluice } from '@sluice/express'
import { sluice as koaSluice } from '@sluice/koa'
import express, { type RequestHandler } from 'express'
import Koa from 'koa'
import { afterEach, describe, expect, it } from 'vitest'
import { until } from '../redis/servers.ts'

const RATE = '500MB/hour'

const open: { close(): unknown }[] = []
afterEach(() => {
  for (const one of open.splice(0)) one.close()
})

async function listening(server: ReturnType<typeof createServer | typeof createServer2>): Promise<number> {
  open.push(server)
  server.listen(0)
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

const used = async (limit: { peek(key: string): unknown }): Promise<number | undefined> => {
  const decision = (await limit.peek('127.0.0.1')) as { standings: readonly { used: number }[] }
  return decision.standings[0]?.used
}

/** What compression that comes first looks like: it has taken the response's own methods. */
const before: RequestHandler = (_req, res, next) => {
  const { write, end } = res
  res.write = ((...chunk: unknown[]) => Reflect.apply(write, res, chunk)) as typeof write
  res.end = ((...chunk: unknown[]) => Reflect.apply(end, res, chunk)) as typeof end
  next()
}

describe('bytes', () => {
  it.each([
    ['alone', []],
    ['behind what writes', [before]],
  ])('of pipelined responses are each counted once: %s', async (_title, earlier) => {
    const limit = expressSluice()(RATE, { name: 'bytes' })
    const app = express()
    const send = (_req: IncomingMessage, res: ServerResponse) => void res.end(Buffer.alloc(200_000))
    app.get('/', ...earlier, limit, send)
    const socket = connect(await listening(createServer(app)))
    let received = 0
    socket.on('data', (chunk) => {
      received += chunk.length
      // A slow reader leaves the next response waiting behind the last.
      socket.pause()
      setTimeout(() => socket.resume(), 1)
    })
    socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(30))
    await until(() => received > 6_000_000)
    await until(async () => (await used(limit)) === 6_000_000)
    socket.destroy()
  })

  it('are the same for several limits of a route', async () => {
    const sluice = expressSluice()
    const limits = ['first', 'second'].map((name) => sluice(RATE, { name }))
    const app = express()
    app.get('/', ...limits, (_req, res) => {
      for (let i = 0; i < 10; i++) res.write('1234567890')
      res.end()
    })
    const response = await fetch(`http://127.0.0.1:${await listening(createServer(app))}/`)
    expect((await response.text()).length).toBe(100)
    for (const limit of limits) await until(async () => (await used(limit)) === 100)
  })

  it('over HTTP/2 are counted by each of several limits, and of a download that is cancelled shortly before its end', async () => {
    const sluice = koaSluice()
    const limits = ['first', 'second'].map((name) => sluice(RATE, { name }))
    const app = new Koa()
    app.silent = true
    for (const limit of limits) app.use(limit)
    app.use((context) => {
      context.body = Buffer.alloc(2_000_000)
    })
    const client = connectHttp2(`http://127.0.0.1:${await listening(createServer2(app.callback()))}`)
    open.push(client)
    const stream = client.request({ ':path': '/' })
    let received = 0
    stream.on('data', (chunk) => {
      received += chunk.length
      if (received > 1_900_000) stream.close(constants.NGHTTP2_CANCEL)
    })
    await once(stream, 'close')
    for (const limit of limits) await until(async () => ((await used(limit)) ?? 0) >= received)
  })
})
