import { sluice } from '@sluice/koa'
import { redisStore } from '@sluice/redis'
import Koa from 'koa'
import request from 'supertest'

test('a limit over redisStore() answers 200, 429', async () => {
  const store = redisStore(process.env.SLUICE_STORE, { prefix: `jest-${process.pid}-${Date.now()}` })
  const limit = sluice({ store, timeoutMs: 5_000 })
  const app = new Koa().use(limit('1/min', { name: 'home' })).use((ctx) => {
    ctx.body = 'ok'
  })
  const server = app.callback()
  expect((await request(server).get('/')).status).toBe(200)
  const denied = await request(server).get('/')
  expect([denied.status, denied.body.title]).toEqual([429, 'Too many requests'])
  await limit.close()
})
