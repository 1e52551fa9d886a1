// What docs/testing.md says of Vitest's fake timers and the memory store's clock.
import { createLimiter, memoryStore } from '@sluice/core'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'

afterEach(() => vi.useRealTimers())

/** Whether a denied key passes after a minute that only a fake clock has seen. */
function moves(passMinute, options) {
  const limiter = createLimiter({ policies: '1/min', ...options })
  limiter.consume('a')
  passMinute()
  return limiter.consume('a').allowed
}

const advance = () => vi.advanceTimersByTime(60_000)

test.each([
  ['the default', undefined, true],
  ['performance alone', { toFake: ['performance'] }, true],
  ['timers and Date', { toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date'] }, false],
])('vi.useFakeTimers() with %s', (_title, options, moved) => {
  vi.useFakeTimers(options)
  expect(moves(advance)).toBe(moved)
})

test('vi.setSystemTime() does not move it', () => {
  expect(moves(() => vi.setSystemTime(Date.now() + 60_000))).toBe(false)
  vi.useFakeTimers()
  expect(moves(() => vi.setSystemTime(Date.now() + 60_000))).toBe(false)
})

test('fake timers do not move a clock of its own', () => {
  vi.useFakeTimers()
  expect(moves(advance, { store: memoryStore({ clock: () => 0 }) })).toBe(false)
})

describe('to the millisecond', () => {
  beforeEach(() => vi.useFakeTimers())

  test('a wait ends when it was announced to', () => {
    const limiter = createLimiter({ policies: '1/min' })
    limiter.consume('a')
    vi.advanceTimersByTime(59_999)
    expect(limiter.consume('a').allowed).toBe(false)
    vi.advanceTimersByTime(1)
    expect(limiter.consume('a').allowed).toBe(true)
  })

  test('vi.runAllTimers() runs until the bucket has expired', () => {
    const limiter = createLimiter({ policies: '1/week' })
    limiter.consume('a')
    vi.runAllTimers()
    expect(limiter.consume('a').allowed).toBe(true)
  })
})

test('a store that has seen the future denies', () => {
  const limiter = createLimiter({ policies: '1/min' })
  vi.useFakeTimers()
  vi.advanceTimersByTime(3_600_000)
  limiter.consume('a')
  vi.useRealTimers()
  expect(limiter.consume('a').retryAfterMs).toBe(60_000)
})
