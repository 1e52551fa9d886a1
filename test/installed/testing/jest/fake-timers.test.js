const { memoryStore } = require('@sluice/express')
const request = require('supertest')
const { createApp } = require('./app.js')

beforeEach(() => jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask'] }))
afterEach(() => jest.useRealTimers())

test('a denied login passes after 15 minutes', async () => {
  const { app } = createApp({ store: memoryStore() })
  for (let attempt = 1; attempt <= 5; attempt++) await request(app).post('/login').expect(401)
  await request(app).post('/login').expect(429)

  jest.advanceTimersByTime(15 * 60_000)
  await request(app).post('/login').expect(401)
})
