import { describe, expect, it, vi } from 'vitest'
import { attemptsOf, createFetch } from '../index.ts'
import { answering, flush, networkError, pending, settled, standingTime } from '../testing.test-helper.ts'

const URL = 'https://api.example.com/things'

standingTime()

describe('limits', () => {
  it('are waited for, in order, and each attempt takes from them', async () => {
    const { fetch, sent } = answering(500, 200)
    const api = createFetch({ fetch, limits: '2/s', retry: { jitter: 'none', baseMs: 1 } })
    const began = Date.now()
    await settled(Promise.all([api(URL), api(URL), api(URL)]))
    expect(sent.map(({ at }) => at - began)).toEqual([0, 0, 1_000, 1_000].map((ms) => expect.closeTo(ms, -2)))
  })

  it('count what a request costs', async () => {
    const { fetch, sent } = answering(200)
    const api = createFetch({
      fetch,
      limits: '10/s',
      cost: ({ url }) => Number(new globalThis.URL(url).searchParams.get('n')),
    })
    const began = Date.now()
    for (const n of [6, 4, 5]) await settled(api(`${URL}?n=${n}`))
    expect(sent.map(({ at }) => at - began)).toEqual([0, 0, 1_000].map((ms) => expect.closeTo(ms, -2)))
  })

  it('that are too far away fail at once', async () => {
    const { fetch } = answering(200)
    const api = createFetch({ fetch, limits: '1/hour' })
    await settled(api(URL))
    const { error, afterMs } = await settled(api(URL))
    expect(afterMs).toBe(0)
    expect(error).toMatchObject({ code: 'SLUICE_RETRY_AFTER', limit: { name: 'client', limit: 1 } })
  })

  it('give back what was taken for a call that is aborted while it waits', async () => {
    const { fetch, sent } = answering(200)
    const api = createFetch({ fetch, limits: '1/s' })
    await settled(api(URL))
    const controller = new AbortController()
    const call = api(URL, { signal: controller.signal })
    await flush()
    controller.abort('left')
    expect((await settled(call)).error).toBe('left')
    await settled(api(URL))
    expect(sent).toHaveLength(2)
  })
})

describe('a deadline', () => {
  it('ends a call wherever it is', async () => {
    const { fetch } = pending()
    const api = createFetch({ fetch, deadlineMs: 3_000, concurrency: 1 })
    const calls = [api(URL), api(URL)].map((call) => call.catch((error) => error.code))
    const { value, afterMs } = await settled(Promise.all(calls))
    expect(value).toEqual(['SLUICE_DEADLINE', 'SLUICE_DEADLINE'])
    expect(afterMs).toBe(3_000)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('does not end a body that is read later', async () => {
    const { fetch } = answering(200)
    const api = createFetch({ fetch, deadlineMs: 3_000, attemptTimeoutMs: 1_000 })
    const { value } = await settled(api(URL))
    await vi.advanceTimersByTimeAsync(10_000)
    expect(await value?.text()).toBe('answer 1')
  })
})

describe('a call that fails', () => {
  it('is given up, and one that its caller leaves is not', async () => {
    const { fetch } = pending()
    const api = createFetch({ fetch, deadlineMs: 1_000 })
    const events: unknown[] = []
    api.on('giveUp', ({ attempts, error }) => events.push([attempts.length, (error as Error).name]))
    const controller = new AbortController()
    const left = api(URL, { signal: controller.signal }).catch(() => undefined)
    await flush()
    controller.abort()
    await left
    expect(events).toEqual([])
    expect(attemptsOf((await settled(api(URL))).error)).toHaveLength(1)
    expect(events).toEqual([[1, 'DeadlineError']])
  })

  it.each([
    [{ deadlineMs: 50 }, 504],
    [{ attemptTimeoutMs: 50, retry: { attempts: 1 } }, 504],
    [{ concurrency: { max: 1, queue: 0 } }, 503],
  ])('is a response where those are asked for: %j', async (options, status) => {
    const { fetch } = pending()
    const api = createFetch({ fetch, giveUp: 'return', ...options })
    const first = api(URL).catch(() => undefined)
    await flush()
    const { value } = await settled(api(URL))
    expect([value?.status, value?.headers.get('x-should-retry')]).toEqual([status, 'false'])
    expect(await value?.json()).toMatchObject({ status, detail: expect.stringContaining('(@sluice/client)') })
    if (!('concurrency' in options)) await settled(first)
  })

  it('on the network too, and by an open breaker; not one that its caller leaves', async () => {
    const { fetch } = answering(networkError('ECONNREFUSED'))
    const api = createFetch({ fetch, giveUp: 'return', retry: false, breaker: { calls: 2, leastCalls: 2 } })
    const statuses = []
    for (let i = 0; i < 3; i++) statuses.push((await settled(api(URL))).value?.status)
    expect(statuses).toEqual([502, 502, 503])
    expect((await settled(api(URL, { signal: AbortSignal.abort('left') }))).error).toBe('left')
  })

  it('names the limit that holds it for longest', async () => {
    const { fetch } = answering(200)
    const api = createFetch({ fetch, limits: ['2/s', { policy: '3/min', name: 'm' }], maxWaitMs: 2_000 })
    for (let i = 0; i < 3; i++) await settled(api(URL))
    expect((await settled(api(URL))).error).toMatchObject({ limit: { name: 'm', resetAt: expect.any(Number) } })
  })
})

describe('a listener', () => {
  it('that throws or rejects harms no call', async () => {
    const warned: unknown[] = []
    const emitWarning = vi.spyOn(process, 'emitWarning').mockImplementation((warning) => void warned.push(warning))
    const { fetch } = answering(500, 200)
    const api = createFetch({ fetch })
    api.on('retry', () => {
      throw new Error('sync')
    })
    api.on('retry', (async () => {
      throw new Error('async')
    }) as () => void)
    expect((await settled(api(URL))).value?.status).toBe(200)
    expect(warned).toEqual(["A listener for 'retry' failed: sync", "A listener for 'retry' failed: async"])
    emitWarning.mockRestore()
  })

  it('of the diagnostics channel hears of all clients', async () => {
    const { subscribe, unsubscribe } = await import('node:diagnostics_channel')
    const heard: unknown[] = []
    const listener = (message: unknown) => heard.push(message)
    subscribe('sluice:client', listener)
    const { fetch } = answering([500], 200)
    await settled(createFetch({ fetch })(URL))
    unsubscribe('sluice:client', listener)
    const key = 'https://api.example.com'
    expect(heard).toMatchObject([
      { event: 'attempt', key, result: 'failed', status: 500 },
      { event: 'retry', key, attempt: 1, status: 500 },
      { event: 'attempt', key, result: 'ok', status: 200 },
    ])
  })
})
