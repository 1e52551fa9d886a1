import { memoryStore, sluice } from '@sluice/fastify'
import Fastify from 'fastify'
import { expect, test } from 'vitest'

test('the second request of an address is denied', async () => {
  const app = Fastify()
  const limit = sluice({ store: memoryStore() })
  app.get('/', { onRequest: limit('1/min', { name: 'home' }) }, async () => 'ok')

  const ask = (remoteAddress) => app.inject({ url: '/', remoteAddress })
  expect((await ask('203.0.113.7')).statusCode).toBe(200)
  expect((await ask('203.0.113.7')).statusCode).toBe(429)
  expect((await ask('203.0.113.8')).statusCode).toBe(200)
})
