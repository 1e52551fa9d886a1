import { memoryStore } from '@sluice/express'
import request from 'supertest'
import { expect, test } from 'vitest'
import { createApp } from './app.js'

test('the sixth login is denied until 15 minutes have passed', async () => {
  let now = 0
  const { app } = createApp({ store: memoryStore({ clock: () => now }) })
  for (let attempt = 1; attempt <= 5; attempt++) await request(app).post('/login').expect(401)

  const denied = await request(app).post('/login')
  expect(denied.status).toBe(429)
  expect(denied.headers['retry-after']).toBe('900')
  expect(denied.body).toMatchObject({ title: 'Too many requests', 'violated-policies': ['login'] })

  now += 15 * 60_000 - 1
  await request(app).post('/login').expect(429)
  now += 1
  await request(app).post('/login').expect(401)
})
