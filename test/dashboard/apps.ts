import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import { type Auth, type Dashboard, dashboard } from '@sluice/dashboard'
import { sluice as forExpress } from '@sluice/express'
import { sluice as forFastify } from '@sluice/fastify'
import { sluice as forKoa } from '@sluice/koa'
import express from 'express'
import fastify from 'fastify'
import Koa from 'koa'

export interface App {
  readonly url: string
  /** The dashboard's own address. */
  readonly page: string
  /** Adds what was counted to the store now, and not in five seconds. */
  flush(): Promise<void>
  close(): Promise<void>
}

export interface AppOptions {
  readonly store?: string
  readonly name?: string
  readonly auth?: Auth<never>
  readonly port?: number
}

const ends = (server: { close(done: () => void): unknown; closeAllConnections(): void }) => () =>
  new Promise<void>((resolve) => {
    server.closeAllConnections()
    server.close(() => resolve())
  })

export async function listening(
  listener: RequestListener,
  port = 0,
): Promise<{ url: string; close: () => Promise<void> }> {
  const server = createServer(listener).listen(port, '127.0.0.1')
  await once(server, 'listening')
  return { url: `http://127.0.0.1:${(server.address() as { port: number }).port}`, close: ends(server) }
}

function appOf(url: string, page: Dashboard, closeServer: () => Promise<void>, limit: { close(): unknown }): App {
  return {
    url,
    page: `${url}/_sluice/`,
    flush: () => page.flush(),
    async close() {
      await closeServer()
      await page.close()
      await limit.close()
    },
  }
}

/** `GET /search?k=` allows five a minute for each k. */
const policies = '5/min'
const keyOf = (k: unknown): string => String(k ?? 'anonymous')

export const apps: Readonly<Record<string, (options?: AppOptions) => Promise<App>>> = {
  async Express({ store, name = 'search', auth, port } = {}) {
    const limit = forExpress({ store })
    const app = express()
    const page = dashboard(limit, { auth })
    app.use(limit('1000/min', { name: `${name}-all` }))
    app.use('/_sluice', page)
    app.get('/search', limit(policies, { name, key: (req) => keyOf(req.query['k']) }), (_req, res) => void res.json([]))
    const { url, close } = await listening(app, port)
    return appOf(url, page, close, limit)
  },
  async Koa({ store, name = 'search', auth, port } = {}) {
    const limit = forKoa({ store })
    const app = new Koa()
    const page = dashboard(limit, { auth })
    const limited = limit(policies, { name, key: (ctx) => keyOf(ctx.query['k']) })
    app.use(limit('1000/min', { name: `${name}-all` }))
    app.use(page.koa('/_sluice'))
    app.use(async (ctx, next) => {
      if (ctx.path !== '/search') return next()
      await limited(ctx, async () => {
        ctx.body = []
      })
    })
    const { url, close } = await listening(app.callback(), port)
    return appOf(url, page, close, limit)
  },
  async Fastify({ store, name = 'search', auth, port } = {}) {
    const limit = forFastify({ store })
    const app = fastify()
    const page = dashboard(limit, { auth })
    await app.register(limit.plugin, { policies: '1000/min', name: `${name}-all` })
    await app.register(page.fastify, { prefix: '/_sluice' })
    const key = (request: { query: unknown }): string => keyOf((request.query as { k?: string }).k)
    app.get('/search', { onRequest: limit(policies, { name, key }) }, async () => [])
    const url = await app.listen({ port: port ?? 0, host: '127.0.0.1' })
    const close = async (): Promise<void> => {
      app.server.closeAllConnections()
      await app.close()
    }
    return appOf(url, page, close, limit)
  },
}
