import { sluice } from '@sluice/express'
import { exhaust, isolated } from '@sluice/testing'
import express from 'express'
import { afterAll, beforeEach, expect, test } from 'vitest'

const store = isolated(process.env.REDIS_URL)
const limit = sluice({ store: store.url })
const app = express().get('/search', limit('20/min', { name: 'search' }), (_req, res) => res.json([]))

beforeEach(() => limit.store.clear())
afterAll(async () => {
  await limit.close()
  await store.clear()
})

test('twenty searches pass', async () => {
  expect((await exhaust(app, '/search')).allowed).toBe(20)
})
