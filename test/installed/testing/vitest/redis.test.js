import { randomUUID } from 'node:crypto'
import { redisStore } from '@sluice/redis'
import request from 'supertest'
import { afterAll, beforeEach, expect, test } from 'vitest'
import { createApp } from './app.js'

let now = 0
const store = redisStore(process.env.SLUICE_STORE, { prefix: `test:${randomUUID()}`, clock: () => now })
const { app, limit } = createApp({ store, timeoutMs: 5_000 })
const degraded = []
limit.on('degraded', ({ error }) => degraded.push(error.message))

beforeEach(() => limit.store.clear())
afterAll(async () => {
  await limit.store.clear()
  await limit.close()
})

test('logins are counted in Redis', async () => {
  for (let attempt = 1; attempt <= 5; attempt++) await request(app).post('/login').expect(401)
  await request(app).post('/login').expect(429)
  now += 15 * 60_000
  await request(app).post('/login').expect(401)
  expect(degraded).toEqual([])
})
