const { memoryStore } = require('@sluice/express')
const request = require('supertest')
const { createApp } = require('./app.js')

let now = 0
const { app, limit } = createApp({ store: memoryStore({ clock: () => now }) })

beforeEach(() => limit.store.clear())
afterAll(() => limit.close())

test('the sixth login is denied until 15 minutes have passed', async () => {
  for (let attempt = 1; attempt <= 5; attempt++) await request(app).post('/login').expect(401)
  const denied = await request(app).post('/login').expect(429)
  expect(denied.headers['retry-after']).toBe('900')

  now += 15 * 60_000
  await request(app).post('/login').expect(401)
})
