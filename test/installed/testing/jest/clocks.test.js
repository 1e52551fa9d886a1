// What docs/testing.md says of Jest's fake timers and the memory store's clock.
const { createLimiter, memoryStore } = require('@sluice/core')
const { sluice } = require('@sluice/express')
const express = require('express')
const request = require('supertest')

afterEach(() => jest.useRealTimers())

/** Whether a denied key passes after a minute that only a fake clock has seen. */
function moves(passMinute, options) {
  const limiter = createLimiter({ policies: '1/min', ...options })
  limiter.consume('a')
  passMinute()
  return limiter.consume('a').allowed
}

const advance = () => jest.advanceTimersByTime(60_000)

test.each([
  ['the default', undefined, true],
  ['doNotFake: nextTick, queueMicrotask', { doNotFake: ['nextTick', 'queueMicrotask'] }, true],
  ['doNotFake: performance', { doNotFake: ['performance'] }, false],
  ['legacyFakeTimers', { legacyFakeTimers: true }, false],
])('jest.useFakeTimers() with %s', (_title, options, moved) => {
  jest.useFakeTimers(options)
  expect(moves(advance)).toBe(moved)
})

test('jest.setSystemTime() does not move it', () => {
  jest.useFakeTimers()
  expect(moves(() => jest.setSystemTime(Date.now() + 60_000))).toBe(false)
})

test('fake timers do not move a clock of its own', () => {
  jest.useFakeTimers()
  expect(moves(advance, { store: memoryStore({ clock: () => 0 }) })).toBe(false)
})

test('jest.runAllTimers() runs until the bucket has expired', () => {
  jest.useFakeTimers()
  const limiter = createLimiter({ policies: '1/week' })
  limiter.consume('a')
  jest.runAllTimers()
  expect(limiter.consume('a').allowed).toBe(true)
})

test('Redis answers under fake timers that leave nextTick and queueMicrotask', async () => {
  jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask'] })
  const limit = sluice({ store: `${process.env.SLUICE_STORE}?prefix=jest-${process.pid}`, timeoutMs: 5_000 })
  const app = express().get('/', limit('1/min', { name: 'home' }), (_req, res) => res.send('ok'))
  await request(app).get('/').expect(200)
  await request(app).get('/').expect(429)
  advance()
  await request(app).get('/').expect(429)
  await limit.store.clear()
  await limit.close()
})
