import { memoryStore } from '@sluice/express'
import request from 'supertest'
import { afterEach, beforeEach, test, vi } from 'vitest'
import { createApp } from './app.js'

beforeEach(() => vi.useFakeTimers({ toFake: ['performance'] }))
afterEach(() => vi.useRealTimers())

test('a denied login passes after 15 minutes', async () => {
  const { app } = createApp({ store: memoryStore() })
  for (let attempt = 1; attempt <= 5; attempt++) await request(app).post('/login').expect(401)
  await request(app).post('/login').expect(429)

  vi.advanceTimersByTime(15 * 60_000)
  await request(app).post('/login').expect(401)
})
