import assert from 'node:assert/strict'
import { test } from 'node:test'
import { leakyBucket, memoryStore, sluice } from '@sluice/express'
import express from 'express'
import request from 'supertest'

test('the second request is held for a minute', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const limit = sluice({ store: memoryStore({ clock: () => 0 }) })
  const app = express().get('/', limit(leakyBucket('1/min', { queue: 1 })), (_req, res) => res.send('ok'))
  await request(app).get('/').expect(200)

  const decided = new Promise((resolve) => limit.on('decision', resolve))
  const held = request(app)
    .get('/')
    .then(({ status }) => status)
  const { decision } = await decided
  assert.equal(decision.delayMs, 60_000)

  t.mock.timers.tick(60_000)
  assert.equal(await held, 200)
})
