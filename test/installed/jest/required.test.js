const { createFetch, parseRateLimit } = require('@sluice/client')
const { ConfigError, createLimiter, memoryStore } = require('@sluice/core')
const { headerFields } = require('@sluice/core/http')
const { storeSpec } = require('@sluice/core/testing')
const { sluice } = require('@sluice/express')
const { llm } = require('@sluice/llm')
const { quota } = require('@sluice/quota')
const express = require('express')
const request = require('supertest')

const policies = '2/min'

test('a limit answers 200, 200, 429', async () => {
  const app = express().get('/', sluice()(policies), (_req, res) => res.send('ok'))
  const statuses = []
  for (let turn = 0; turn < 3; turn++) statuses.push((await request(app).get('/')).status)
  expect(statuses).toEqual([200, 200, 429])
})

test('errors are instances of what is exported', () => {
  expect(() => createLimiter({ policies: 'often' })).toThrow(ConfigError)
  expect(() => sluice({ stroe: 'memory:' })).toThrow('Did you mean "store"?')
})

test('adapters and core are one', () => {
  const { ConfigError: ours } = require('@sluice/express')
  expect(ours).toBe(ConfigError)
  expect(headerFields(createLimiter({ policies }).consume('a').standings, ['draft'])).toContainEqual([
    'RateLimit',
    '"default";r=1;t=60',
  ])
})

test('a limit over Redis by its URL decides there, and says when it cannot', async () => {
  const name = `jest-${process.pid}-${Date.now()}`
  const limiter = createLimiter({ policies, name, store: process.env.SLUICE_STORE, timeoutMs: 5_000 })
  expect(await limiter.consume('a')).toMatchObject({ allowed: true, degraded: false })
  await limiter.consume('a')
  expect(await limiter.consume('a')).toMatchObject({ allowed: false, degraded: false })
  await limiter.close()

  const dead = createLimiter({ policies, store: 'redis://127.0.0.1:1' })
  const told = []
  dead.on('degraded', ({ error }) => told.push(error.code))
  expect(await dead.consume('a')).toMatchObject({ allowed: true, degraded: true })
  expect(told).toEqual(['SLUICE_STORE'])
  await dead.close()
})

test('a quota begins with its month, in a time zone', () => {
  const policies = quota('2/month', { timeZone: 'Pacific/Auckland', anchor: 31 })
  const { period } = createLimiter({ policies }).consume('a').standings[0]
  const date = new Intl.DateTimeFormat('en-GB', { timeZone: 'Pacific/Auckland', day: 'numeric' })
  expect(Number(date.format(period.start))).toBeGreaterThanOrEqual(28)
})

test('a limit in tokens is settled by what the answer says', async () => {
  const charges = []
  const chat = llm({ provider: 'openai', limits: '5k tokens/min', onCharged: (charge) => charges.push(charge) })
  const usage = { prompt_tokens: 3, completion_tokens: 4 }
  const answer = (_req, res) => res.json({ usage })
  const app = express().post('/', express.json(), sluice()(chat, { key: () => 'a' }), answer)
  await request(app).post('/').send({ model: 'm', messages: [] })
  expect(charges).toMatchObject([{ inputTokens: 3, outputTokens: 4, from: 'usage' }])
})

test('a client tries again, and reads limits', async () => {
  const answers = [503, 200]
  const fetch = async () => new Response('x', { status: answers.shift() })
  const response = await createFetch({ fetch, retry: { baseMs: 1 } })('https://api.example.com')
  expect([response.status, await response.text()]).toEqual([200, 'x'])
  expect(parseRateLimit({ ratelimit: '"a";r=1;t=2' }).limits).toHaveLength(1)
})

describe('the memory store', () => {
  for (const { title, run } of storeSpec((clock) => memoryStore({ clock }))) test(title, run)
})
