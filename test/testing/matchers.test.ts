import { AssertionError } from 'node:assert'
import { createServer } from 'node:http'
import { type Dialect, sluice as expressSluice, memoryStore } from '@sluice/express'
import { sluice as fastifySluice } from '@sluice/fastify'
import { assertRateLimit, assertRateLimited, mockApi, type PresetName } from '@sluice/testing'
import '@sluice/testing/vitest'
import axios from 'axios'
import express, { type Express } from 'express'
import Fastify from 'fastify'
import got from 'got'
import ky, { HTTPError } from 'ky'
import request from 'supertest'
import { request as undiciRequest } from 'undici'
import { afterAll, describe, expect, it } from 'vitest'

const limited = (headers: Dialect = 'draft'): Express => {
  const limit = expressSluice({ store: memoryStore(), headers })
  return express().get('/', limit('1/min', { name: 'home' }), (_request, response) => response.send('ok'))
}

const server = createServer(limited()).listen(0, '127.0.0.1')
afterAll(() => server.close())

const urlOf = (): string => {
  const address = server.address()
  return typeof address === 'object' && address !== null ? `http://127.0.0.1:${address.port}` : ''
}

describe('the matchers', () => {
  it('know the responses of supertest', async () => {
    const app = limited()
    const allowed = await request(app).get('/')
    expect(allowed).toHaveRateLimit({ limit: 1, remaining: 0, policy: 'home' })
    expect(allowed).not.toBeRateLimited()
    expect(await request(app).get('/')).toBeRateLimited({ policy: 'home', retryAfter: [59, 60] })
  })

  it("know those of Fastify's inject", async () => {
    const app = Fastify()
    const limit = fastifySluice({ store: memoryStore() })
    app.get('/', { onRequest: limit('1/min', { name: 'home' }) }, async () => 'ok')
    expect(await app.inject('/')).toHaveRateLimit({ remaining: 0 })
    expect(await app.inject('/')).toBeRateLimited({ policy: 'home' })
    await app.close()
  })

  it('know those of fetch, axios, got, undici and the error of ky', async () => {
    const url = urlOf()
    await fetch(url)
    expect(await fetch(url)).toBeRateLimited({ policy: 'home', retryAfter: [59, 60] })
    expect(await axios.get(url, { validateStatus: null })).toBeRateLimited({ policy: 'home' })
    expect(await got(url, { retry: { limit: 0 }, throwHttpErrors: false })).toBeRateLimited({ policy: 'home' })
    expect(await undiciRequest(url)).toBeRateLimited({ policy: 'home' })
    const error = await ky(url, { retry: 0 }).catch((thrown: unknown) => thrown)
    expect(error instanceof HTTPError && error.response).toBeRateLimited()
  })

  it.each(['draft', 'draft-7', 'draft-6', 'legacy'] as const)('understand the fields of %s', async (dialect) => {
    const app = limited(dialect)
    expect(await request(app).get('/')).toHaveRateLimit({ limit: 1, remaining: 0 })
    expect(await request(app).get('/')).toBeRateLimited({ policy: 'home' })
  })

  it.each<PresetName>(['github', 'openai', 'anthropic', 'azure'])('understand the dialect of %s', async (preset) => {
    const mock = await mockApi({ limits: '2/min', preset })
    expect(await fetch(mock.url)).toHaveRateLimit({ remaining: 1 })
    await fetch(mock.url)
    expect(await fetch(mock.url)).toBeRateLimited()
    await mock.close()
  })

  it('tell the policy that denied from those that did not', async () => {
    const limit = expressSluice({ store: memoryStore() })
    const app = express().get(
      '/',
      limit([
        { policy: '1/min', name: 'tight' },
        { policy: '9/min', name: 'wide' },
      ]),
      (_request, response) => response.send('ok'),
    )
    await request(app).get('/')
    const denied = await request(app).get('/')
    expect(denied).toBeRateLimited({ policy: 'tight' })
    expect(denied).not.toBeRateLimited({ policy: 'wide' })
    expect(denied).toHaveRateLimit({ policy: 'wide', limit: 9, remaining: 8 })
  })

  it('show the fields that were received, where they fail', async () => {
    const response = await request(limited()).get('/')
    expect(() => expect(response).toBeRateLimited({ policy: 'home', retryAfter: [1, 60] })).toThrow(
      'Expected the response to be rate limited with policy "home" and retryAfter 1 to 60.\n' +
        'Received status 200 with\n  ratelimit-policy: "home";q=1;w=60\n  ratelimit: "home";r=0;t=60',
    )
    expect(() => expect(response).not.toHaveRateLimit({ limit: 1 })).toThrow(/^Expected the response not to report/)
    expect(() => expect(new Response()).toHaveRateLimit()).toThrow(/Received status 200 without a field about limits/)
  })

  it('do not take a server that is down for a limit', () => {
    expect(new Response(null, { status: 503 })).not.toBeRateLimited()
    expect(new Response(null, { status: 403 })).not.toBeRateLimited()
  })

  it.each([
    [Promise.resolve(new Response()), {}, /Was it awaited\?/],
    [undefined, {}, /expected a response with a status and headers/],
    [new Response(), { retryafter: 1 }, /toBeRateLimited\(\) has no option "retryafter". Did you mean "retryAfter"/],
    [new Response(), { retryAfter: '1' }, /retryAfter is a number or a range such as \[1, 60\]/],
    [new Response(), { policy: /home/ }, /policy is the name of a policy/],
  ])('refuse what would never hold, or always', (response, expected, message) => {
    expect(() => expect(response).toBeRateLimited(expected as object)).toThrow(message)
    expect(() => expect(response).not.toBeRateLimited(expected as object)).toThrow(message)
  })

  it('are also assertions', async () => {
    const app = limited()
    assertRateLimit(await request(app).get('/'), { limit: 1, remaining: 0 })
    const denied = await request(app).get('/')
    assertRateLimited(denied, { policy: 'home', retryAfter: [59, 60] })
    expect(() => assertRateLimited(denied, { policy: 'other' })).toThrow(AssertionError)
    expect(() => assertRateLimit(denied, { remaining: 1 })).toThrow(/ratelimit: "home";r=0/)
  })
})
