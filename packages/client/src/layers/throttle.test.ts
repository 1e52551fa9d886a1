import { describe, expect, it, vi } from 'vitest'
import { createFetch } from '../index.ts'
import { flush, pending, settled, standingTime } from '../testing.test-helper.ts'

const URL = 'https://api.example.com/things'

standingTime()

describe('adaptive throttling', () => {
  it('keeps back the more calls, the more are rejected', async () => {
    let isDown = true
    let sent = 0
    const fetch = async (): Promise<Response> => {
      sent += 1
      return new Response('', { status: isDown ? 503 : 200 })
    }
    const api = createFetch({ fetch, retry: false, breaker: false, throttle: true })
    const throttled: number[] = []
    api.on('throttled', ({ probability }) => throttled.push(probability))
    for (let i = 0; i < 500; i++) await settled(api(URL))
    expect(sent).toBeLessThan(50)
    expect(throttled.length).toBe(500 - sent)
    expect(Math.max(...throttled)).toBeGreaterThan(0.9)
    expect((await settled(Promise.all(Array.from({ length: 50 }, () => api(URL))))).error).toMatchObject({
      code: 'SLUICE_THROTTLED',
    })
    isDown = false
    await vi.advanceTimersByTimeAsync(130_000)
    sent = 0
    for (let i = 0; i < 100; i++) await settled(api(URL))
    expect(sent).toBe(100)
  })
})

describe('calls at the same time', () => {
  it('are not throttled for those that have no answer yet', async () => {
    const { fetch, open } = pending()
    const api = createFetch({ fetch, throttle: true, pacing: false })
    const calls = Array.from({ length: 100 }, () => api(URL))
    await flush()
    expect(open).toHaveLength(100)
    for (const answer of open) answer()
    expect((await Promise.all(calls)).every(({ ok }) => ok)).toBe(true)
  })
})
