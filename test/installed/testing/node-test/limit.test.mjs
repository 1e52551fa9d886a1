import assert from 'node:assert/strict'
import { after, beforeEach, test } from 'node:test'
import { memoryStore } from '@sluice/express'
import request from 'supertest'
import { createApp } from './app.mjs'

let now = 0
const { app, limit } = createApp({ store: memoryStore({ clock: () => now }) })

beforeEach(() => limit.store.clear())
after(() => limit.close())

test('the sixth login is denied until 15 minutes have passed', async () => {
  for (let attempt = 1; attempt <= 5; attempt++) await request(app).post('/login').expect(401)
  const denied = await request(app).post('/login').expect(429)
  assert.equal(denied.headers['retry-after'], '900')

  now += 15 * 60_000
  await request(app).post('/login').expect(401)
})
