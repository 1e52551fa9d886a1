import { describe, expect, it, vi } from 'vitest'
import { createFetch } from '../index.ts'
import { answering, flush, networkError, pending, settled, standingTime } from '../testing.test-helper.ts'

const URL = 'https://api.example.com/things'

standingTime()

describe('the breaker', () => {
  const failing = { retry: false, breaker: { calls: 4, leastCalls: 4, openMs: 5_000 } } as const

  it.each([500, 502, networkError('ECONNRESET')])('opens when calls fail: %s', async (answer) => {
    const { fetch, sent } = answering(answer)
    const api = createFetch({ fetch, ...failing })
    const events: unknown[] = []
    api.on('open', (event) => events.push(event))
    for (let i = 0; i < 4; i++) await settled(api(URL))
    const { error } = await settled(api(URL))
    expect(error).toMatchObject({ code: 'SLUICE_BREAKER_OPEN', retryAt: Date.now() + 5_000 })
    expect(sent).toHaveLength(4)
    expect(events).toEqual([{ key: 'https://api.example.com', until: Date.now() + 5_000 }])
    expect(api.state()).toMatchObject([{ breaker: 'open', breakerOpenUntil: Date.now() + 5_000 }])
  })

  it('opens on attempts that take too long', async () => {
    const { fetch, open } = pending()
    const api = createFetch({ fetch, ...failing, attemptTimeoutMs: 100 })
    for (let i = 0; i < 4; i++)
      expect((await settled(api(URL))).error).toMatchObject({ code: 'SLUICE_ATTEMPT_TIMEOUT' })
    expect((await settled(api(URL))).error).toMatchObject({ code: 'SLUICE_BREAKER_OPEN' })
    expect(open).toHaveLength(4)
  })

  it.each([429, 404, 400])('never opens on a %i', async (status) => {
    const { fetch, sent } = answering(status)
    const api = createFetch({ fetch, ...failing })
    for (let i = 0; i < 20; i++) await settled(api(URL))
    expect(sent).toHaveLength(20)
  })

  it('never opens on calls that are aborted', async () => {
    const { fetch, open } = pending()
    const api = createFetch({ fetch, ...failing })
    for (let i = 0; i < 20; i++) {
      const controller = new AbortController()
      const call = api(URL, { signal: controller.signal })
      await flush()
      controller.abort(new Error('gone'))
      expect((await settled(call)).error).toMatchObject({ message: 'gone' })
    }
    expect(open).toHaveLength(20)
  })

  it('stays open for as long as a 503 says', async () => {
    const { fetch } = answering(500, 500, 500, [503, { 'retry-after': '30' }], 200)
    const api = createFetch({ fetch, ...failing, gate: false })
    for (let i = 0; i < 4; i++) await settled(api(URL))
    await vi.advanceTimersByTimeAsync(29_000)
    expect((await settled(api(URL))).error).toMatchObject({ code: 'SLUICE_BREAKER_OPEN' })
    await vi.advanceTimersByTimeAsync(1_001)
    expect((await settled(api(URL))).value?.status).toBe(200)
  })

  it('lets one of a thousand calls through to see whether it is back', async () => {
    const answers = [500, 500, 500, 500]
    let probes = 0
    let verdict: ((response: Response) => void) | undefined
    const fetch = (): Promise<Response> => {
      const status = answers.shift()
      if (status !== undefined) return Promise.resolve(new Response('', { status }))
      probes += 1
      return new Promise((resolve) => {
        verdict = resolve
      })
    }
    const api = createFetch({ fetch, ...failing, pacing: false })
    for (let i = 0; i < 4; i++) await settled(api(URL))
    await vi.advanceTimersByTimeAsync(5_001)
    const controller = new AbortController()
    const thousand = Array.from({ length: 1_000 }, () => api(URL).then(String, (error) => error.code))
    const left = api(URL, { signal: controller.signal }).then(String, (error) => error)
    await flush()
    expect(probes).toBe(1)
    // Nobody has to wait for the verdict.
    controller.abort('left')
    expect((await settled(left)).value).toBe('left')
    verdict?.(new Response('', { status: 500 }))
    const { value } = await settled(Promise.all(thousand))
    expect(probes).toBe(1)
    expect(value?.filter((code) => code === 'SLUICE_BREAKER_OPEN')).toHaveLength(999)
  })

  it('is not closed by a probe that was aborted: the next call is the probe', async () => {
    const { fetch, sent } = answering(500, 500, 500, 500)
    const held = pending()
    let probing = false
    const api = createFetch({
      fetch: (input, init) => (probing ? held.fetch(input, init) : fetch(input, init)),
      ...failing,
    })
    const events: string[] = []
    api.on('close', () => events.push('close'))
    api.on('open', () => events.push('open'))
    for (let i = 0; i < 4; i++) await settled(api(URL))
    await vi.advanceTimersByTimeAsync(5_001)
    probing = true
    const controller = new AbortController()
    const probe = api(URL, { signal: controller.signal })
    await flush()
    controller.abort('left')
    expect((await settled(probe)).error).toBe('left')
    expect(events).toEqual(['open'])
    const next = api(URL)
    const others = [api(URL), api(URL)]
    await flush()
    expect(held.open).toHaveLength(2)
    held.open[1]?.()
    await next
    await flush()
    for (const open of held.open) open()
    await Promise.all(others)
    expect(events).toEqual(['open', 'close'])
    expect(sent).toHaveLength(4)
  })

  it('counts for each key', async () => {
    const { fetch } = answering(500)
    const api = createFetch({ fetch, ...failing })
    for (let i = 0; i < 5; i++) await settled(api(URL))
    expect((await settled(api('https://other.example.com'))).value?.status).toBe(500)
  })

  it('can be left out', async () => {
    const { fetch, sent } = answering(500)
    const api = createFetch({ fetch, retry: false, breaker: false })
    for (let i = 0; i < 50; i++) await settled(api(URL))
    expect(sent).toHaveLength(50)
  })
})
