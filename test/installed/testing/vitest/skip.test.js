import { memoryStore } from '@sluice/express'
import request from 'supertest'
import { afterEach, test, vi } from 'vitest'
import { createApp } from './app.js'

afterEach(() => vi.unstubAllEnvs())

const skip = () => process.env.RATE_LIMITS === 'off'

test('RATE_LIMITS=off turns the limits off', async () => {
  const { app } = createApp({ store: memoryStore(), skip })
  vi.stubEnv('RATE_LIMITS', 'off')
  for (let attempt = 1; attempt <= 10; attempt++) await request(app).post('/login').expect(401)
})

test('the limits are on by default', async () => {
  const { app } = createApp({ store: memoryStore(), skip })
  for (let attempt = 1; attempt <= 5; attempt++) await request(app).post('/login').expect(401)
  await request(app).post('/login').expect(429)
})
