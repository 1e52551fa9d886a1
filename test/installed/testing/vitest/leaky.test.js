import { createLimiter, leakyBucket, memoryStore, sluice } from '@sluice/express'
import express from 'express'
import request from 'supertest'
import { afterEach, expect, test, vi } from 'vitest'

afterEach(() => vi.useRealTimers())

test('the second job waits for 100 ms', () => {
  let now = 0
  const store = memoryStore({ clock: () => now })
  const limiter = createLimiter({ policies: leakyBucket('10/s', { queue: 20 }), store })
  expect(limiter.consume('a').delayMs).toBe(0)
  expect(limiter.consume('a').delayMs).toBe(100)
  now += 200
  expect(limiter.consume('a').delayMs).toBe(0)
})

test('the second request is held for a minute', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
  const limit = sluice()
  const app = express().get('/', limit(leakyBucket('1/min', { queue: 1 })), (_req, res) => res.send('ok'))
  await request(app).get('/').expect(200)

  const decided = new Promise((resolve) => limit.on('decision', resolve))
  const held = request(app)
    .get('/')
    .then(({ status }) => status)
  const { decision } = await decided
  expect(decision.delayMs).toBe(60_000)

  vi.advanceTimersByTime(60_000)
  expect(await held).toBe(200)
})
