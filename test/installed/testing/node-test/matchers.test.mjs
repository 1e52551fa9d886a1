import { test } from 'node:test'
import { memoryStore, sluice } from '@sluice/express'
import { assertRateLimit, assertRateLimited } from '@sluice/testing'
import express from 'express'
import request from 'supertest'

test('the second login of a minute is denied', async () => {
  const limit = sluice({ store: memoryStore() })
  const app = express().post('/login', limit('1/min', { name: 'login' }), (_req, res) => res.sendStatus(401))

  assertRateLimit(await request(app).post('/login'), { limit: 1, remaining: 0 })
  assertRateLimited(await request(app).post('/login'), { policy: 'login', retryAfter: [1, 60] })
})
