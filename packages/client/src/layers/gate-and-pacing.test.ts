import { describe, expect, it, vi } from 'vitest'
import { createFetch } from '../index.ts'
import { answering, flush, pending, settled, sleep, standingTime } from '../testing.test-helper.ts'

const URL = 'https://api.example.com/things'

standingTime()

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
    // The network puts requests and responses in another order each time.
    for (let round = 0; round < 30; round++) {
      const server = limited(50, 10_000, fields)
      const api = createFetch({ fetch: server.fetch, maxWaitMs: 100_000 })
      const { value, afterMs } = await settled(Promise.all(Array.from({ length: 200 }, () => api(URL))))
      expect(value?.every(({ status }) => status === 200)).toBe(true)
      expect(server.denied()).toBe(0)
      expect(server.at).toHaveLength(200)
      expect(afterMs).toBeLessThan(33_500)
    }
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
