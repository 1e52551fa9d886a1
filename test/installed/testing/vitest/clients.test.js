import { memoryStore } from '@sluice/express'
import request from 'supertest'
import { test } from 'vitest'
import { createApp } from './app.js'

test('each client has a quota of its own', async () => {
  const { app } = createApp({ store: memoryStore() })
  app.set('trust proxy', 'loopback')
  const loginFrom = (address) => request(app).post('/login').set('X-Forwarded-For', address)

  for (let attempt = 1; attempt <= 5; attempt++) await loginFrom('203.0.113.7').expect(401)
  await loginFrom('203.0.113.7').expect(429)
  await loginFrom('203.0.113.8').expect(401)
})
