import { Refusal, sluice } from '@sluice/express'
import { sluice as onFastify } from '@sluice/fastify'
import { sluice as onKoa } from '@sluice/koa'
import express from 'express'
import fastify from 'fastify'
import Koa from 'koa'
import request from 'supertest'
import { describe, expect, it } from 'vitest'

const cost = (): number => {
  throw new Refusal({ status: 422, headers: { 'x-why': 'rows' }, body: { error: 'too many rows' } })
}

const apps = {
  Express: (deny?: 'error') => {
    const limit = sluice()
    const limited = limit(['5/min', '1M tokens/min'], { name: 'rows', key: () => 'k', cost, deny })
    return {
      limited,
      app: express().get('/', limit('9/min', { name: 'app' }), limited, (_req, res) => void res.send('ok')),
    }
  },
  Koa: () => {
    const limit = onKoa()
    const limited = limit('5/min', { name: 'rows', key: () => 'k', cost })
    const app = new Koa().use(limit('9/min', { name: 'app' })).use(limited)
    return { limited, app: app.callback() }
  },
  Fastify: () => {
    const limit = onFastify()
    const limited = limit('5/min', { name: 'rows', key: () => 'k', cost })
    const app = fastify()
    app.get('/', { onRequest: [limit('9/min', { name: 'app' }), limited] }, async () => 'ok')
    return { limited, app: app.server, ready: () => app.ready() }
  },
}

describe.each(Object.entries(apps))('a Refusal on %s', (_name, make) => {
  it('is the answer, with the fields of the limits before it, and takes nothing', async () => {
    const { app, limited, ...rest } = make()
    if ('ready' in rest) await rest.ready()
    const { status, headers, body } = await request(app as never).get('/')
    expect([status, body, headers['x-why']]).toEqual([422, { error: 'too many rows' }, 'rows'])
    expect(headers['ratelimit']).toMatch(/^"app";r=8/)
    expect((await limited.peek('k')).standings[0]?.used).toBe(0)
  })
})

it("passes to the error handling with deny: 'error'", async () => {
  const { app } = apps.Express('error')
  const seen: unknown[] = []
  app.use(((error, _req, res, _next) => {
    seen.push(error)
    res.status(error.status).send('handled')
  }) as express.ErrorRequestHandler)
  const { status, text } = await request(app).get('/')
  expect([status, text]).toEqual([422, 'handled'])
  expect(seen).toMatchObject([{ code: 'SLUICE_REFUSED', statusCode: 422 }])
})

it('is refused itself where it could not be sent', () => {
  expect(() => new Refusal({ status: 42 })).toThrow('response: expected a status from 200 to 599, got 42.')
  expect(new Refusal({}).status).toBe(400)
})
