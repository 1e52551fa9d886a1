import { problem, RateLimitError, sluice } from '@sluice/express'
import { RateLimitError as FastifyRateLimitError, sluice as fastifySluice } from '@sluice/fastify'
import { sluice as koaSluice } from '@sluice/koa'
import express, { type ErrorRequestHandler } from 'express'
import express4 from 'express4'
import fastify from 'fastify'
import fastify4 from 'fastify4'
import Koa from 'koa'
import Koa2 from 'koa2'
import request from 'supertest'
import { describe, expect, it } from 'vitest'

const FIELDS = { ratelimit: '"default";r=0;t=3600', 'ratelimit-policy': '"default";q=1;w=3600', 'retry-after': '3600' }
const SENTENCE = 'The limit "default" (1 request in 1 hour) is used up. Try again in 1 hour.'

describe.each([
  ['Express 5', express],
  ['Express 4', express4],
])("deny: 'error' in %s", (_title, create) => {
  const limited = () =>
    create()
      .set('env', 'test')
      .get('/', sluice({ deny: 'error' })('1/h'), (_req, res) => void res.send('ok'))

  it('gives the denial to the app’s error handler, with all fields set', async () => {
    const errors: unknown[] = []
    const handler: ErrorRequestHandler = (error, _req, res, _next) => {
      errors.push(error)
      res.status(error.status).json({ error: { message: error.message, remaining: error.decision.binding.remaining } })
    }
    const server = limited().use(handler)
    await request(server).get('/').expect(200)
    const denied = await request(server).get('/')
    expect(denied.status).toBe(429)
    expect(denied.headers).toMatchObject(FIELDS)
    expect(denied.body).toEqual({ error: { message: SENTENCE, remaining: 0 } })
    expect(errors[0]).toBeInstanceOf(RateLimitError)
    expect(JSON.stringify(errors[0])).not.toContain('127.0.0.1')
  })

  it('is answered by Express itself where there is no handler', async () => {
    const server = limited()
    await request(server).get('/').expect(200)
    const denied = await request(server).get('/')
    expect(denied.status).toBe(429)
    expect(denied.headers).toMatchObject(FIELDS)
  })
})

describe.each([
  ['Koa 3', Koa],
  ['Koa 2', Koa2],
])("deny: 'error' in %s", (_title, Framework) => {
  const limited = (handle?: Koa.Middleware) => {
    const app = new Framework()
    if (handle !== undefined) app.use(handle)
    return app.use(koaSluice({ deny: 'error' })('1/h')).use((ctx) => {
      ctx.body = 'ok'
    })
  }

  it('is thrown through the middleware in front, which may answer', async () => {
    const server = limited(async (ctx, next) => {
      try {
        await next()
      } catch (error) {
        ctx.status = (error as RateLimitError).status
        ctx.body = { message: (error as Error).message }
      }
    }).callback()
    await request(server).get('/').expect(200)
    const denied = await request(server).get('/')
    expect([denied.status, denied.body]).toEqual([429, { message: SENTENCE }])
    expect(denied.headers).toMatchObject(FIELDS)
  })

  it('is answered by Koa itself where nobody does', async () => {
    const server = limited().callback()
    await request(server).get('/').expect(200)
    const denied = await request(server).get('/')
    expect([denied.status, denied.text]).toEqual([429, SENTENCE])
    expect(denied.headers).toMatchObject(FIELDS)
  })
})

describe.each([
  ['Fastify 5', fastify],
  ['Fastify 4', fastify4 as unknown as typeof fastify],
])("deny: 'error' in %s", (_title, create) => {
  it('goes through setErrorHandler, with all fields set', async () => {
    const app = create()
    const errors: unknown[] = []
    app.setErrorHandler((error: Error & { statusCode?: number }, _request, reply) => {
      errors.push(error)
      return reply.code(error.statusCode ?? 500).send({ message: error.message })
    })
    app.get('/', { onRequest: fastifySluice({ deny: 'error' })('1/h') }, async () => 'ok')
    expect((await app.inject('/')).statusCode).toBe(200)
    const denied = await app.inject('/')
    expect([denied.statusCode, denied.json()]).toEqual([429, { message: SENTENCE }])
    expect(denied.headers).toMatchObject(FIELDS)
    expect(errors[0]).toBeInstanceOf(FastifyRateLimitError)
  })

  it('is answered by Fastify itself where there is no handler', async () => {
    const app = create()
    app.get('/', { onRequest: fastifySluice({ deny: 'error' })('1/h') }, async () => 'ok')
    await app.inject('/')
    const denied = await app.inject('/')
    expect(denied.json()).toMatchObject({ statusCode: 429, code: 'SLUICE_DENIED', message: SENTENCE })
    expect(denied.headers).toMatchObject(FIELDS)
  })
})

describe('problem', () => {
  it('is the usual response, to add to or to change', async () => {
    const limit = sluice({
      response: async (decision) => {
        const { body, headers } = problem(decision)
        return { status: 420, headers, body: { ...(body as object), docs: 'https://example.com/limits' } }
      },
    })
    const server = express().get('/', limit('1/h'), (_req, res) => void res.send('ok'))
    await request(server).get('/').expect(200)
    const denied = await request(server).get('/')
    expect(denied.status).toBe(420)
    expect(denied.type).toBe('application/problem+json')
    expect(JSON.parse(denied.text)).toMatchObject({ title: 'Too many requests', docs: 'https://example.com/limits' })
  })
})

describe('a way to deny', () => {
  const answer = { response: () => ({ status: 420 }) }

  it.each([
    ['deny of a limit over response of sluice()', answer, { deny: 'error' }, 429],
    ['response of a limit over deny of sluice()', { deny: 'error' }, answer, 420],
  ] as const)('is the limit’s own: %s', async (_title, defaults, own, status) => {
    const limit = sluice(defaults)
    const handler: ErrorRequestHandler = (error, _req, res, _next) => void res.status(error.status).end()
    const server = express()
      .get('/', limit('1/h', own), (_req, res) => void res.send('ok'))
      .use(handler)
    await request(server).get('/').expect(200)
    await request(server).get('/').expect(status)
  })
})
