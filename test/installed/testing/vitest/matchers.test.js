import { memoryStore, sluice } from '@sluice/express'
import '@sluice/testing/vitest'
import express from 'express'
import request from 'supertest'
import { expect, test } from 'vitest'

test('the second login of a minute is denied', async () => {
  const limit = sluice({ store: memoryStore() })
  const app = express().post('/login', limit('1/min', { name: 'login' }), (_req, res) => res.sendStatus(401))

  const first = await request(app).post('/login')
  expect(first).not.toBeRateLimited()
  expect(first).toHaveRateLimit({ limit: 1, remaining: 0 })
  expect(await request(app).post('/login')).toBeRateLimited({ policy: 'login', retryAfter: [1, 60] })
})
