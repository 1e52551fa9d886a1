import { memoryStore } from '@sluice/express'
import request from 'supertest'
import { afterAll, beforeEach, expect, test } from 'vitest'
import { createApp } from './app.js'

const { app, limit, login } = createApp({ store: memoryStore() })

beforeEach(() => limit.store.clear())
afterAll(() => limit.close())

async function useUp() {
  for (let attempt = 1; attempt <= 5; attempt++) await request(app).post('/login').expect(401)
}

test('a denied client is told when to come back', async () => {
  await useUp()
  const denied = await request(app).post('/login').expect(429)
  expect(Number(denied.headers['retry-after'])).toBeGreaterThan(0)
})

test('a client that was unlocked can log in again', async () => {
  await useUp()
  await login.reset('127.0.0.1')
  await request(app).post('/login').expect(401)
})
