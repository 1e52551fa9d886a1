import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { attemptsOf, createClient, createFetch, dispatcher, watchOutbound } from '../index.ts'
import { answering, networkError, settled } from '../testing.test-helper.ts'

const URL = 'https://api.example.com/things'

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** Resolves when it is told, in the order in which it was called. */
function pending() {
  const open: (() => void)[] = []
  const send = (_: unknown, init?: RequestInit): Promise<Response> =>
    new Promise((resolve, reject) => {
      open.push(() => resolve(new Response('x')))
      init?.signal?.addEventListener('abort', () => reject(init.signal?.reason))
    })
  return { fetch: send as typeof fetch, open }
}

beforeEach(() => {
  vi.useFakeTimers({ now: Date.UTC(2026, 0, 1) })
})
afterEach(() => {
  vi.restoreAllMocks()
  vi.useRealTimers()
})

const flush = () => vi.advanceTimersByTimeAsync(0)

describe('the gate', () => {
  it('holds all calls to a key, and lets them go one after the other', async () => {
    const at: number[] = []
    let calls = 0
    const fetch = async (): Promise<Response> => {
      calls += 1
      at.push(Date.now())
      return calls === 1 ? new Response('', { status: 429, headers: { 'retry-after': '10' } }) : new Response('ok')
    }
    const api = createFetch({ fetch, retry: { attempts: 2 } })
    const gates: unknown[] = []
    api.on('gate', (event) => gates.push(event))
    const began = Date.now()
    const first = api(URL)
    await flush()
    const others = Array.from({ length: 20 }, async () => (await api(URL)).status)
    await flush()
    expect(at).toHaveLength(1)
    expect(api.state()).toMatchObject([{ paced: 20, gateClosedUntil: expect.any(Number) }])
    const { value } = await settled(Promise.all([first, ...others]))
    expect(value?.slice(1)).toEqual(Array.from({ length: 20 }, () => 200))
    const waits = at.slice(1).map((time) => time - began)
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(10_000)
    // Never all at once, and all within a fifth of the wait.
    expect(new Set(waits).size).toBeGreaterThan(15)
    expect(Math.max(...waits)).toBeLessThanOrEqual(13_000)
    expect(gates).toEqual([{ key: 'https://api.example.com', until: expect.any(Number), status: 429 }])
    expect(api.state()).toMatchObject([{ paced: 0, gateClosedUntil: undefined }])
  })

  it('is another one for each key', async () => {
    const { fetch, sent } = answering([429, { 'retry-after': '10' }], 200)
    const api = createFetch({ fetch, retry: false })
    await settled(api(URL))
    const { afterMs } = await settled(api('https://other.example.com/'))
    expect(afterMs).toBe(0)
    expect(sent).toHaveLength(2)
    const byPath = createFetch({
      fetch: answering([429, { 'retry-after': '10' }], 200).fetch,
      retry: false,
      key: ({ url }) => url,
    })
    await settled(byPath(`${URL}/1`))
    expect((await settled(byPath(`${URL}/2`))).afterMs).toBe(0)
  })

  it('is not passed by a call that waited for a place meanwhile', async () => {
    const at: number[] = []
    const answers = [async () => new Response('', { status: 429, headers: { 'retry-after': '10' } })]
    const fetch = async (): Promise<Response> => {
      at.push(Date.now())
      await sleep(0)
      return (await answers.shift()?.()) ?? new Response('ok')
    }
    const api = createFetch({ fetch, retry: false, concurrency: 1 })
    const began = Date.now()
    const results = [api(URL), api(URL), api(URL)].map(async (call) => (await call).text())
    await settled(Promise.all(results))
    expect(at.map((time) => time - began >= 10_000)).toEqual([false, true, true])
  })

  it('can be left out', async () => {
    const { fetch, sent } = answering([429, { 'retry-after': '10' }], 200)
    const api = createFetch({ fetch, retry: false, gate: false })
    await settled(api(URL))
    expect((await settled(api(URL))).afterMs).toBe(0)
    expect(sent).toHaveLength(2)
  })
})

describe('pacing', () => {
  /** A fixed window, which counts those that it denied. */
  function limited(
    quota: number,
    windowMs: number,
    fields: (remaining: number, resetMs: number) => Record<string, string>,
  ) {
    let [used, since, denied] = [0, Date.now(), 0]
    const at: number[] = []
    const fetch = async (): Promise<Response> => {
      // The way there, and back.
      await sleep(5 + Math.random() * 20)
      if (Date.now() - since >= windowMs) [used, since] = [0, Date.now()]
      used += 1
      at.push(Date.now())
      if (used > quota) denied += 1
      const headers = fields(Math.max(0, quota - used), since + windowMs - Date.now())
      const response = new Response('', { status: used > quota ? 429 : 200, headers })
      await sleep(5 + Math.random() * 20)
      return response
    }
    return { fetch, at, denied: () => denied }
  }
  const draft = (remaining: number, resetMs: number) => ({
    ratelimit: `"a";r=${remaining};t=${Math.ceil(resetMs / 1_000)}`,
    'ratelimit-policy': '"a";q=50;w=10',
  })

  it.each([
    ['the newest draft', draft],
    ['draft 7', (r: number, ms: number) => ({ ratelimit: `limit=50, remaining=${r}, reset=${Math.ceil(ms / 1_000)}` })],
    [
      'X-RateLimit',
      (r: number, ms: number) => ({
        'x-ratelimit-limit': '50',
        'x-ratelimit-remaining': String(r),
        'x-ratelimit-reset': String(Math.ceil((Date.now() + ms) / 1_000)),
      }),
    ],
  ])('sends 200 calls into 50 each ten seconds without a single denial: %s', async (_, fields) => {
    const server = limited(50, 10_000, fields)
    const api = createFetch({ fetch: server.fetch, maxWaitMs: 100_000 })
    const { value, afterMs } = await settled(Promise.all(Array.from({ length: 200 }, () => api(URL))))
    expect(value?.every(({ status }) => status === 200)).toBe(true)
    expect(server.denied()).toBe(0)
    expect(server.at).toHaveLength(200)
    expect(afterMs).toBeLessThan(33_500)
  })

  it('spreads calls once little is left', async () => {
    const at: number[] = []
    let remaining = 100
    const fetch = async (): Promise<Response> => {
      at.push(Date.now())
      remaining -= 1
      return new Response('', {
        headers: { ratelimit: `"a";r=${remaining};t=60`, 'ratelimit-policy': '"a";q=100;w=60' },
      })
    }
    const api = createFetch({ fetch })
    const began = Date.now()
    for (let i = 0; i < 96; i++) await settled(api(URL))
    // The first ninety at once; then a tenth of a minute and more lies between.
    expect((at[90] ?? 0) - began).toBe(0)
    const gaps = at.slice(92).map((time, i) => time - (at[91 + i] ?? 0))
    for (const gap of gaps) expect(gap).toBeGreaterThan(5_000)
  })

  it('waits for the tightest of several limits, whatever they count', async () => {
    const { fetch } = answering(
      [
        200,
        {
          'x-ratelimit-remaining-requests': '50',
          'x-ratelimit-remaining-tokens': '0',
          'x-ratelimit-reset-tokens': '6s',
        },
      ],
      200,
    )
    const api = createFetch({ fetch })
    await settled(api(URL))
    expect((await settled(api(URL))).afterMs).toBeGreaterThanOrEqual(6_000)
  })

  it('does not send what a quota refuses for longer than a call may wait', async () => {
    const { fetch, sent } = answering([200, { ratelimit: '"month";r=0;t=86400' }])
    const api = createFetch({ fetch })
    await settled(api(URL))
    expect((await settled(api(URL))).error).toMatchObject({ code: 'SLUICE_RETRY_AFTER', limit: { name: 'month' } })
    expect(sent).toHaveLength(1)
  })

  it('holds the first calls to a key until one of them is answered, or for a second', async () => {
    const { fetch, open } = pending()
    const api = createFetch({ fetch })
    const calls = Array.from({ length: 30 }, () => api(URL))
    await flush()
    expect(open).toHaveLength(10)
    await vi.advanceTimersByTimeAsync(999)
    expect(open).toHaveLength(10)
    await vi.advanceTimersByTimeAsync(2)
    expect(open).toHaveLength(30)
    for (const answer of open) answer()
    await Promise.all(calls)
    const other = createFetch({ fetch })
    const others = Array.from({ length: 30 }, () => other(URL))
    await flush()
    open[30]?.()
    await flush()
    expect(open).toHaveLength(60)
    for (const answer of open) answer()
    await Promise.all(others)
  })

  it('forgets a limit that is not reported any more', async () => {
    const { fetch } = answering([200, { ratelimit: '"a";r=0;t=1' }], 200)
    const api = createFetch({ fetch })
    await settled(api(URL))
    const { afterMs } = await settled(Promise.all(Array.from({ length: 30 }, () => api(URL))))
    expect(afterMs).toBeGreaterThanOrEqual(1_000)
    expect(afterMs).toBeLessThan(1_200)
    expect(api.state()[0]?.limits).toEqual([])
  })

  it('can be left out', async () => {
    const { fetch, sent } = answering([200, { ratelimit: '"a";r=0;t=9' }], 200)
    const api = createFetch({ fetch, pacing: false })
    await settled(api(URL))
    expect((await settled(api(URL))).afterMs).toBe(0)
    expect(sent).toHaveLength(2)
  })
})

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

describe('concurrency', () => {
  it('makes no more calls at once, until their bodies have been read', async () => {
    const { fetch, open } = pending()
    const api = createFetch({ fetch, concurrency: 2 })
    const calls = Array.from({ length: 5 }, () => api(URL))
    await flush()
    expect(open).toHaveLength(2)
    open[0]?.()
    const first = await calls[0]
    await flush()
    // Its body has not been read.
    expect(open).toHaveLength(2)
    expect(await first?.text()).toBe('x')
    await flush()
    expect(open).toHaveLength(3)
    open[1]?.()
    await (await calls[1])?.body?.cancel()
    await flush()
    expect(open).toHaveLength(4)
    expect(api.state()).toMatchObject([{ inside: 2, queued: 1 }])
    for (const answer of open) answer()
    await flush()
    await (await calls[2])?.arrayBuffer()
    await (await calls[3])?.json().catch(() => undefined)
    await flush()
    open[4]?.()
    for await (const _ of (await calls[4])?.body ?? []);
    expect(api.state()).toMatchObject([{ inside: 0, queued: 0, calls: 0 }])
  })

  it('lets the highest priority go first', async () => {
    const order: number[] = []
    const client = createClient({ concurrency: 1, pacing: false })
    const work = (priority: number) => client.execute(() => void order.push(priority), { priority })
    const calls = [client.execute(() => sleep(10)), ...[0, 5, 0, 9, 5].map(work)]
    await settled(Promise.all(calls))
    expect(order).toEqual([9, 5, 5, 0, 0])
  })

  it('refuses what the queue does not hold', async () => {
    const { fetch } = pending()
    const api = createFetch({ fetch, concurrency: { max: 1, queue: 2 } })
    const calls = Array.from({ length: 3 }, () => api(URL).catch(() => undefined))
    const { error } = await settled(api(URL))
    expect(error).toMatchObject({ code: 'SLUICE_QUEUE_FULL' })
    expect(calls).toHaveLength(3)
  })
})

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

describe('hedging', () => {
  it('takes the first answer, and ends the other', async () => {
    const { fetch, open } = pending()
    const aborted: unknown[] = []
    const api = createFetch({
      fetch: (input, init) => {
        init?.signal?.addEventListener('abort', () => aborted.push(init.signal?.reason))
        return fetch(input, init)
      },
      hedgeAfterMs: 100,
    })
    const gaveUp: unknown[] = []
    api.on('giveUp', (event) => gaveUp.push(event))
    const call = api(URL)
    await vi.advanceTimersByTimeAsync(99)
    expect(open).toHaveLength(1)
    await vi.advanceTimersByTimeAsync(1)
    expect(open).toHaveLength(2)
    open[1]?.()
    expect((await settled(call)).value?.status).toBe(200)
    await flush()
    expect(aborted).toHaveLength(1)
    expect(gaveUp).toEqual([])
    expect(api.state()).toMatchObject([{ calls: 0 }])
  })

  it('sends nothing twice that may not be', async () => {
    const { fetch, open } = pending()
    const api = createFetch({ fetch, hedgeAfterMs: 100 })
    const call = api(URL, { method: 'POST' })
    await vi.advanceTimersByTimeAsync(1_000)
    expect(open).toHaveLength(1)
    open[0]?.()
    await call
  })

  it('fails as the first call failed', async () => {
    const [first, second] = [networkError('ECONNRESET'), networkError('EPIPE')]
    const errors = [first, second]
    const api = createFetch({
      fetch: async () => {
        const error = errors.shift()
        await sleep(500)
        throw error
      },
      hedgeAfterMs: 100,
      retry: { attempts: 1 },
    })
    const { error } = await settled(api(URL))
    expect(error).toBe(first)
  })
})

describe('coalescing', () => {
  it('sends identical requests once, and gives each its own body', async () => {
    const { fetch, sent } = answering(200)
    const api = createFetch({ fetch, coalesce: true })
    const { value } = await settled(Promise.all([api(URL), api(URL), api(new Request(URL))]))
    expect(sent.length).toBeLessThanOrEqual(2)
    const texts = await Promise.all((value ?? []).map((response) => response.text()))
    expect(texts[0]).toBe('answer 1')
    expect(texts[1]).toBe('answer 1')
    await settled(api(URL))
    expect(sent.length).toBeGreaterThan(1)
  })

  it('never joins what differs: credentials, methods, options that it does not know', async () => {
    const { fetch, sent } = answering(200)
    const api = createFetch({ fetch, coalesce: true })
    await settled(
      Promise.all([
        api(URL, { headers: { authorization: 'a' } }),
        api(URL, { headers: { authorization: 'b' } }),
        api(URL, { headers: { cookie: 'c' } }),
        api(URL, { method: 'HEAD' }),
        api(URL, { method: 'POST' }),
        api(URL, { method: 'POST' }),
        api(URL, { credentials: 'include' }),
        api(URL, { dispatcher: 1 } as RequestInit),
        api(URL, { dispatcher: 2 } as RequestInit),
      ]),
    )
    expect(sent).toHaveLength(9)
  })

  it('ends the request when the last caller leaves, and not before', async () => {
    const { fetch } = pending()
    let isAborted = false
    const api = createFetch({
      coalesce: true,
      fetch: (input, init) => {
        init?.signal?.addEventListener('abort', () => {
          isAborted = true
        })
        return fetch(input, init)
      },
    })
    const controllers = [new AbortController(), new AbortController()]
    const calls = controllers.map(({ signal }) => api(URL, { signal }).catch((error) => error))
    await flush()
    controllers[0]?.abort('first')
    expect(await calls[0]).toBe('first')
    expect(isAborted).toBe(false)
    controllers[1]?.abort('second')
    expect(await calls[1]).toBe('second')
    await flush()
    expect(isAborted).toBe(true)
  })
})

describe('execute', () => {
  it('calls any function, with all layers', async () => {
    const client = createClient({ retry: { baseMs: 10 } })
    const seen: number[] = []
    const { value } = await settled(
      client.execute(({ attempt, signal }) => {
        seen.push(attempt)
        expect(signal).toBeInstanceOf(AbortSignal)
        if (attempt < 3) throw new Error('down')
        return 'up'
      }),
    )
    expect([value, seen]).toEqual(['up', [1, 2, 3]])
  })

  it('reads errors that carry a response, as those of got, axios and SDKs', async () => {
    for (const response of [
      { response: { statusCode: 429, headers: { 'retry-after': '7' } } },
      { response: { status: 429, headers: { 'retry-after': '7' } } },
      { status: 429, headers: new Headers({ 'retry-after': '7' }) },
    ]) {
      const client = createClient()
      let calls = 0
      const { value, afterMs } = await settled(
        client.execute(() => {
          calls += 1
          if (calls === 1) throw Object.assign(new Error('Too many requests'), response)
          return calls
        }),
      )
      expect(value).toBe(2)
      expect(afterMs).toBeGreaterThanOrEqual(7_000)
    }
  })

  it('does not call again what may not run twice', async () => {
    const client = createClient()
    let calls = 0
    const fail = () => {
      calls += 1
      throw new Error('down')
    }
    await settled(client.execute(fail, { idempotent: false }))
    expect(calls).toBe(1)
  })

  it.each([undefined, null, 'text', 0, Symbol('x'), { status: 'x' }])('lets anything be thrown: %s', async (thrown) => {
    const client = createClient({ retry: { attempts: 2, baseMs: 1 } })
    const outcome = await client
      .execute(
        () => {
          throw thrown
        },
        { idempotent: false },
      )
      .then(
        () => 'none',
        (error) => [error],
      )
    expect(outcome).toEqual([thrown])
  })

  it('settles at once when it is aborted, also where the function does not listen', async () => {
    const client = createClient({ concurrency: 1 })
    const controller = new AbortController()
    const call = client.execute(() => new Promise(() => undefined), { signal: controller.signal })
    await flush()
    controller.abort('left')
    expect((await settled(call)).error).toBe('left')
    expect((await settled(client.execute(() => 1))).value).toBe(1)
  })
})

describe('mistakes and results of functions', () => {
  it.each([
    'db.connect is not a function',
    'x.fetchUser is not a function',
    "Cannot read properties of undefined (reading 'fetch')",
  ])('are not taken for network errors: %s', async (message) => {
    let calls = 0
    const fail = () => {
      calls += 1
      throw new TypeError(message)
    }
    await settled(createClient().execute(fail))
    expect(calls).toBe(1)
  })

  it('are no responses where they only have a status', async () => {
    let calls = 0
    const { value } = await settled(
      createClient().execute(() => {
        calls += 1
        return { id: 1, status: 503 }
      }),
    )
    expect([value, calls]).toEqual([{ id: 1, status: 503 }, 1])
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
    expect(heard).toMatchObject([{ event: 'retry', key: 'https://api.example.com', attempt: 1, status: 500 }])
  })
})

describe('options that cannot be right', () => {
  it.each([
    [{ deadlineMs: 0 }, 'deadlineMs: expected a whole number from 1'],
    [{ deadlineMs: '30s' }, 'deadlineMs: expected a whole number'],
    [{ attemptTimeoutMs: Number.NaN }, 'attemptTimeoutMs: expected'],
    [{ maxWaitMs: -1 }, 'maxWaitMs: expected'],
    [{ giveUp: 'never' }, "giveUp: expected 'throw' or 'return'"],
    [{ retrys: 3 }, 'has no option "retrys". Did you mean "retry"?'],
    [{ retry: { attempt: 3 } }, 'retry has no option "attempt". Did you mean "attempts"?'],
    [{ retry: { attempts: 0 } }, 'retry.attempts: expected'],
    [{ retry: { jitter: 'some' } }, "retry.jitter: expected 'full'"],
    [{ retry: { statuses: [200] } }, 'retry.statuses: expected a whole number from 400'],
    [{ retry: { methods: 'POST' } }, 'retry.methods: expected an array'],
    [{ retry: { budget: { share: -1 } } }, 'retry.budget.share: expected'],
    [{ retry: 5 }, 'retry: expected false or options, such as { attempts: 3 }, got 5.'],
    [{ breaker: 'on' }, 'breaker: expected true, false or options'],
    [{ breaker: { share: 1 } }, 'breaker.share: expected a share above 0'],
    [{ breaker: { calls: 5, leastCalls: 6 } }, 'breaker.leastCalls: expected'],
    [{ throttle: { multiplier: 0 } }, 'throttle.multiplier: expected'],
    [{ gate: 'yes' }, 'gate: expected true or false'],
    [{ gate: null }, 'gate: expected true or false'],
    [{ concurrency: 0 }, 'concurrency: expected'],
    [{ concurrency: null }, 'concurrency: expected a number of calls or { max, queue }'],
    [{ concurrency: '8' }, 'concurrency: expected a number of calls or { max, queue }'],
    [{ throttle: 2 }, 'throttle: expected true, false or { multiplier }'],
    [{ limits: 100 }, 'limits: expected'],
    [{ limits: [] }, 'limits: expected'],
    [{ retries: 3 }, 'Did you mean "retry: { attempts }"?'],
    [{ timeout: 3 }, 'Did you mean "deadlineMs", or "attemptTimeoutMs" for each attempt?'],
    [{ cost: () => 1 }, 'cost: is for `limits`'],
    [{ concurrency: { max: 1, queues: 2 } }, 'concurrency has no option "queues"'],
    [{ limits: '60/mintue' }, 'mintue'],
    [{ store: 'memory:' }, 'store: is for `limits`'],
    [{ key: 'origin' }, 'key: expected a function'],
    [{ fetch: {} }, 'fetch: expected a function'],
    [{ coalesce: 1 }, 'coalesce: expected true or false'],
    [null, 'takes its options as an object'],
  ])('are refused where they are given: %j', (options, sentence) => {
    expect(() => createFetch(options as never)).toThrow(sentence)
    expect(() => createFetch(options as never)).toThrow(expect.objectContaining({ code: 'SLUICE_CONFIG' }))
  })

  it('are refused by the others too', async () => {
    expect(() => createClient({ fetch: 1 } as never)).toThrow('createClient() has no option "fetch"')
    expect(() => dispatcher({ retry: {} } as never)).toThrow('dispatcher() has no option "retry"')
    expect(() => watchOutbound('x' as never)).toThrow('watchOutbound(): expected a function')
    const client = createClient()
    await expect(client.execute('x' as never)).rejects.toThrow('execute(): expected a function')
    await expect(client.execute(() => 1, { keys: 1 } as never)).rejects.toThrow('Did you mean "key"?')
    await expect(client.execute(() => 1, { key: 5 } as never)).rejects.toThrow('key: expected a string')
    await expect(client.execute(() => 1, { cost: 5 })).rejects.toThrow('cost: is for `limits`')
    await expect(client.execute(() => 1, { priority: Number.NaN })).rejects.toThrow('priority: expected a number')
    await expect(client.execute(() => 1, { idempotent: 'no' } as never)).rejects.toThrow('idempotent: expected true')
    await expect(createFetch({ key: () => undefined as never })(URL)).rejects.toThrow('key: expected a string')
    expect(() => client.on('retries' as never, () => undefined)).toThrow('there is no event "retries"')
  })
})
