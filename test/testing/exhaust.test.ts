import { createServer } from 'node:http'
import { memoryStore, sluice } from '@sluice/express'
import { sluice as fastifySluice } from '@sluice/fastify'
import { sluice as koaSluice } from '@sluice/koa'
import { exhaust, mockApi, type TestedApp } from '@sluice/testing'
import '@sluice/testing/vitest'
import express from 'express'
import express4 from 'express4'
import Fastify from 'fastify'
import Koa from 'koa'
import { describe, expect, it } from 'vitest'

const policy = '7/min'
const name = 'search'

function expressApp(make: typeof express = express): TestedApp {
  const limit = sluice({ store: memoryStore() })
  return make().get('/search', limit(policy, { name }), (_request, response) => response.send('found'))
}

function koaApp(): TestedApp {
  const limit = koaSluice({ store: memoryStore() })
  return new Koa().use(limit(policy, { name })).use((context) => {
    context.body = 'found'
  })
}

function fastifyApp(): TestedApp {
  const app = Fastify()
  const limit = fastifySluice({ store: memoryStore() })
  app.get('/search', { onRequest: limit(policy, { name }) }, async () => 'found')
  return app
}

describe('exhaust()', () => {
  it.each<[string, () => TestedApp]>([
    ['an Express app', expressApp],
    ['an Express 4 app', () => expressApp(express4)],
    ['a Koa app', koaApp],
    ['a Fastify instance', fastifyApp],
    ['a server that does not listen', () => createServer(expressApp() as () => void)],
  ])('sends requests to %s until one is denied', async (_what, makeApp) => {
    const { response, allowed } = await exhaust(makeApp(), '/search')
    expect(allowed).toBe(7)
    expect(response).toBeRateLimited({ policy: name, retryAfter: [55, 60] })
    expect(await response.json()).toMatchObject({ 'violated-policies': [name] })
  })

  it('takes the URL of a server, and leaves it running', async () => {
    const mock = await mockApi({ limits: { 'POST /login': '3/min' } })
    const { allowed } = await exhaust(new URL(mock.url), { method: 'POST', path: '/login', body: { user: 'ada' } })
    expect(allowed).toBe(3)
    expect(mock.requests[0]).toMatchObject({ body: '{"user":"ada"}', headers: { 'content-type': 'application/json' } })
    expect((await fetch(mock.url)).status).toBe(200)
    await mock.close()
  })

  it('takes a server that listens, and leaves it running', async () => {
    const server = createServer(expressApp() as () => void).listen(0)
    await new Promise((resolve) => server.once('listening', resolve))
    expect((await exhaust(server, '/search')).allowed).toBe(7)
    expect(server.listening).toBe(true)
    await new Promise((resolve) => server.close(resolve))
  })

  it('says that no request was denied', async () => {
    const app = express().get('/free', (_request, response) => void response.send('ok'))
    await expect(exhaust(app, '/free', { most: 20 })).rejects.toThrow(
      'exhaust(): GET /free was sent 20 times and never denied; it was answered 200. Does the route exist',
    )
  })

  it.each([
    [{}, '/', {}, /expected an Express or Koa app, .* got an object/],
    ['localhost:3000', '/', {}, /expected a URL such as 'http:\/\/localhost:3000'/],
    ['http://localhost', 'search', {}, /expected a request such as '\/search'/],
    ['http://localhost', { url: '/' }, {}, /a request has no option "url"/],
    ['http://localhost', '/', { most: 0 }, /most: expected a whole number from 1/],
  ])('refuses %j, %j, %j', async (app, request, options, message) => {
    await expect(exhaust(app as string, request as string, options)).rejects.toThrow(message)
  })
})
