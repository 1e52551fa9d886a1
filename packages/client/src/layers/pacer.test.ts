import { describe, expect, it, vi } from 'vitest'
import { createFetch } from '../index.ts'
import { answering, networkError, settled, sleep, standingTime } from '../testing.test-helper.ts'

const URL = 'https://api.example.com/things'

standingTime()

/** Answers by path: with these fields, after so long. */
function byPath(
  paths: Readonly<Record<string, readonly [afterMs: number, headers?: Record<string, string>, status?: number]>>,
) {
  const sent: { readonly path: string; readonly at: number }[] = []
  const fetch = async (input: Parameters<typeof globalThis.fetch>[0]): Promise<Response> => {
    const { pathname } = new globalThis.URL(String(input))
    sent.push({ path: pathname, at: Date.now() })
    const [afterMs, headers = {}, status = 200] = paths[pathname] ?? [0]
    await sleep(afterMs)
    return new Response(null, { status, headers })
  }
  return { fetch: fetch as typeof globalThis.fetch, sent }
}

const at = (path: string) => `https://api.example.com${path}`

describe('what is supposed', () => {
  it('never holds calls behind a long one for longer than a second or twice what others took', async () => {
    const one = { 'x-shopify-shop-api-call-limit': '39/40' }
    const { fetch } = byPath({ '/one': [5, one], '/poll': [60_000, one], '/two': [5] })
    const api = createFetch({ fetch })
    await settled(api(at('/one')))
    const poll = api(at('/poll'))
    const { afterMs } = await settled(api(at('/two')))
    expect(afterMs).toBeLessThan(1_100)
    await settled(poll)
  })

  it('is forgotten where newer answers do not mention a limit without a reset', async () => {
    const { fetch } = byPath({ '/once': [50, { 'x-ratelimit-remaining-foo': '1' }], '/others': [50] })
    const api = createFetch({ fetch })
    await settled(api(at('/once')))
    await settled(api(at('/others')))
    const { afterMs } = await settled(Promise.all(Array.from({ length: 20 }, () => api(at('/others')))))
    expect(afterMs).toBeLessThan(120)
  })

  it('refuses no call: a lost one may have been counted, and one finds out', async () => {
    const fields = { 'x-ratelimit-limit': '60', 'x-ratelimit-remaining': '2', 'x-ratelimit-reset': '3600' }
    for (const error of [networkError('ECONNREFUSED'), networkError('ECONNRESET')]) {
      const { fetch } = answering([200, fields], error, error, error, error, error, error, [200, fields])
      const api = createFetch({ fetch, breaker: false, retry: { baseMs: 1 } })
      await settled(api(URL))
      await settled(api(URL))
      await settled(api(URL))
      expect((await settled(api(URL))).value?.status).toBe(200)
    }
  })

  it('of what a call costs in tokens refuses none either', async () => {
    const tokens = (remaining: number) => ({
      'x-ratelimit-limit-tokens': '200000',
      'x-ratelimit-remaining-tokens': String(remaining),
      'x-ratelimit-reset-tokens': '6m0s',
    })
    const { fetch } = answering(
      [200, tokens(200_000)],
      [200, tokens(110_000)],
      [200, tokens(20_000)],
      [200, tokens(19_900)],
    )
    const api = createFetch({ fetch })
    for (let i = 0; i < 4; i++) {
      const { value, afterMs } = await settled(api(URL))
      expect(value?.status).toBe(200)
      expect(afterMs).toBe(0)
    }
  })

  it('spreads no call where few come', async () => {
    const { fetch } = answering([200, { ratelimit: '"a";r=90;t=5000', 'ratelimit-policy': '"a";q=1000;w=5000' }])
    const api = createFetch({ fetch })
    for (let i = 0; i < 4; i++) expect((await settled(api(URL))).afterMs).toBe(0)
  })
})

describe('a gate', () => {
  it('is no deadlock with places and limits', async () => {
    const { fetch, sent } = (() => {
      let number = 0
      const times: number[] = []
      const answer = async (): Promise<Response> => {
        number += 1
        times.push(Date.now())
        await sleep(20)
        const used = number === 1 ? '30/40' : '39/40'
        const headers: Record<string, string> = { 'x-shopify-shop-api-call-limit': used }
        if (number === 2) headers['retry-after-ms'] = '1500'
        return new Response(null, { status: number === 2 ? 429 : 200, headers })
      }
      return { fetch: answer as typeof globalThis.fetch, sent: times }
    })()
    const api = createFetch({ fetch, concurrency: 2, limits: '2/s' })
    await settled(api(URL))
    const { value } = await settled(Promise.all([api(URL), api(URL), api(URL), api(URL)]))
    expect(value?.map(({ status }) => status)).toEqual([200, 200, 200, 200])
    expect(sent).toHaveLength(6)
    expect(api.state()).toMatchObject([{ calls: 0, inside: 0, queued: 0, paced: 0 }])
  })

  it('keeps a wait that fits the deadline', async () => {
    for (let i = 0; i < 20; i++) {
      const { fetch } = answering([429, { 'retry-after-ms': '940' }], 200)
      const { value, afterMs } = await settled(createFetch({ fetch, deadlineMs: 1_000 })(URL))
      expect(value?.status).toBe(200)
      expect(afterMs).toBeGreaterThanOrEqual(940)
    }
  })

  it('is open again after a day, whatever was said: it may have been a mistake', async () => {
    const { fetch, sent } = answering([503, { 'retry-after': '99999999999' }], 200)
    const api = createFetch({ fetch, breaker: false })
    expect((await settled(api(URL))).error).toMatchObject({ code: 'SLUICE_RETRY_AFTER' })
    expect((await settled(api(URL))).error).toMatchObject({ code: 'SLUICE_RETRY_AFTER' })
    vi.setSystemTime(Date.now() + 86_400_001)
    expect((await settled(api(URL))).value?.status).toBe(200)
    expect(sent).toHaveLength(2)
  })
})

describe('a route with a limit of its own', () => {
  const general = '"general";r=900;t=60'
  const login = (remaining: number, status = 200, more: Record<string, string> = {}) =>
    [5, { ratelimit: `${general}, "login";r=${remaining};t=900`, ...more }, status] as const

  it('does not hold the others, also where it was the first that was called', async () => {
    const { fetch } = byPath({ '/login': login(0), '/search': [5, { ratelimit: general }] })
    const api = createFetch({ fetch })
    await settled(api(at('/login'), { method: 'POST' }))
    expect((await settled(api(at('/search')))).value?.status).toBe(200)
    expect((await settled(api(at('/never-called')))).value?.status).toBe(200)
    expect((await settled(api(at('/login'), { method: 'POST' }))).error).toMatchObject({ limit: { name: 'login' } })
  })

  it('holds its own calls when it denies, once it is known to be its own', async () => {
    const { fetch, sent } = byPath({
      '/login': login(0, 429, { 'retry-after': '900' }),
      '/search': [5, { ratelimit: general }],
    })
    const api = createFetch({ fetch, retry: false })
    await settled(api(at('/search')))
    await settled(api(at('/login')))
    expect((await settled(api(at('/search')))).value?.status).toBe(200)
    expect((await settled(api(at('/login')))).error).toMatchObject({ code: 'SLUICE_RETRY_AFTER' })
    expect(sent).toHaveLength(3)
  })

  it('is not passed by a call that waited for a place when it denied', async () => {
    const { fetch, sent } = byPath({
      '/login': [50, { ratelimit: '"login";r=0;t=30', 'retry-after': '30' }, 429],
      '/search': [5, { ratelimit: general }],
    })
    const api = createFetch({ fetch, retry: false, concurrency: 1 })
    await settled(api(at('/search')))
    const first = api(at('/login'))
    const second = api(at('/login'))
    await settled(first)
    const began = sent.at(-1)?.at ?? 0
    await settled(second)
    expect(sent.at(-1)?.at).toBeGreaterThanOrEqual(began + 30_000)
  })

  it('that waits does not stand in the way of calls to others', async () => {
    const { fetch } = byPath({ '/slow': [5, { ratelimit: '"slow";r=0;t=30' }], '/search': [5, { ratelimit: general }] })
    const api = createFetch({ fetch })
    await settled(api(at('/search')))
    await settled(api(at('/slow')))
    const waiting = api(at('/slow'))
    expect((await settled(api(at('/search')))).afterMs).toBeLessThan(100)
    expect((await settled(waiting)).afterMs).toBeGreaterThan(20_000)
  })

  it('is told from a limit of all routes', async () => {
    const all = { ratelimit: '"all";r=0;t=30' }
    const { fetch } = byPath({ '/a': [5, all], '/b': [5, all] })
    const api = createFetch({ fetch })
    await settled(api(at('/a')))
    await settled(api(at('/b')))
    expect((await settled(api(at('/c')))).afterMs).toBeGreaterThan(20_000)
  })
})

describe('a hold', () => {
  const waits = async (api: (url: string) => Promise<Response>, path: string) => (await settled(api(at(path)))).afterMs

  it('of a route is no loop, whatever newer reports say of what is left', async () => {
    const answers: Record<string, (readonly [number, Record<string, string>])[]> = {
      '/c': [[200, { ratelimit: '"other";r=9;t=9' }]],
      '/a': [
        [200, { ratelimit: '"login";r=5;t=3' }],
        [429, { ratelimit: '"login";r=0;t=3', 'retry-after': '40' }],
        [200, { ratelimit: '"login";r=5;t=3' }],
      ],
      '/d': [[200, { ratelimit: '"login";r=5;t=3' }]],
    }
    const fetch = async (input: unknown): Promise<Response> => {
      const [status, headers] = answers[new globalThis.URL(String(input)).pathname]?.shift() ?? [200, {}]
      return new Response(null, { status, headers })
    }
    const api = createFetch({ fetch: fetch as typeof globalThis.fetch, retry: false })
    for (const path of ['/c', '/a', '/a']) await settled(api(at(path)))
    expect(await waits(api, '/a')).toBeGreaterThanOrEqual(39_000)
  })

  it.each([
    ['an error of a gateway’s, without fields', '/a', 502, {}],
    ['an answer of another route, where the limit has no reset', '/b', 200, { ratelimit: '"other";r=5;t=9' }],
  ])('of a route outlives %s', async (_, path, status, headers) => {
    let isDenied = false
    const fetch = async (input: unknown): Promise<Response> => {
      const url = new globalThis.URL(String(input))
      if (url.searchParams.has('odd')) return new Response(null, { status, headers: headers as Record<string, string> })
      if (url.pathname !== '/a') return new Response(null, { headers: { ratelimit: '"other";r=9;t=9' } })
      if (!isDenied) return new Response(null, { headers: { ratelimit: '"login";r=5' } })
      return new Response(null, { status: 429, headers: { ratelimit: '"login";r=0', 'retry-after': '30' } })
    }
    const api = createFetch({ fetch: fetch as typeof globalThis.fetch, retry: false })
    await settled(api(at('/c')))
    await settled(api(at('/a')))
    const held = api(at(`${path}?odd`))
    isDenied = true
    await settled(Promise.all([held, api(at('/a'))]))
    isDenied = false
    expect(await waits(api, '/a')).toBeGreaterThanOrEqual(29_000)
    expect(await waits(api, '/c')).toBeLessThan(100)
  })

  it('of a route outlives a thousand others', async () => {
    const { fetch } = byPath({
      '/a': [0, { ratelimit: '"login";r=0;t=30', 'retry-after': '30' }, 429],
      '/c': [0, { ratelimit: '"c";r=9;t=9' }],
    })
    const api = createFetch({ fetch, retry: false })
    await settled(api(at('/c')))
    await settled(api(at('/a')))
    for (let i = 0; i < 1_200; i++) {
      const call = api(at('/c'))
      await vi.advanceTimersByTimeAsync(0)
      await call
    }
    expect(await waits(api, '/a')).toBeGreaterThanOrEqual(29_000)
  })

  it('holds routes that are not known, though one is known to have no limits', async () => {
    const denied: number[] = []
    let left = 3
    const fetch = async (input: unknown): Promise<Response> => {
      if (String(input).endsWith('/health')) return new Response(null)
      left -= 1
      if (left >= 0) return new Response(null, { headers: { ratelimit: `"u";r=${left};t=30` } })
      denied.push(Date.now())
      return new Response(null, { status: 429, headers: { ratelimit: '"u";r=0;t=30', 'retry-after': '30' } })
    }
    const api = createFetch({ fetch: fetch as typeof globalThis.fetch, retry: false })
    await settled(api(at('/health')))
    for (let i = 0; i < 3; i++) await settled(api(at(`/users/${i}`)))
    const calls = Array.from({ length: 20 }, (_, i) => api(at(`/users/1${i}`)))
    await vi.advanceTimersByTimeAsync(25_000)
    expect(denied.length).toBeLessThanOrEqual(1)
    left = 100
    await settled(Promise.all(calls))
  })

  it('without a time holds those too that wait for a place', async () => {
    const sent: number[] = []
    const fetch = async (): Promise<Response> => {
      sent.push(Date.now())
      await sleep(10)
      return new Response(null, { status: sent.length < 3 ? 429 : 200 })
    }
    const api = createFetch({ fetch, retry: false, concurrency: 1 })
    await settled(Promise.all(Array.from({ length: 5 }, () => api(URL))))
    expect((sent[1] ?? 0) - (sent[0] ?? 0)).toBeGreaterThanOrEqual(250)
    expect((sent[2] ?? 0) - (sent[1] ?? 0)).toBeGreaterThanOrEqual(500)
  })

  it('of a limit that is used up holds those that wait for a place', async () => {
    let [used, since, denied] = [0, Date.now(), 0]
    const fetch = async (): Promise<Response> => {
      await sleep(5)
      if (Date.now() - since >= 2_000) [used, since] = [0, Date.now()]
      used += 1
      if (used > 2) denied += 1
      const t = Math.ceil((since + 2_000 - Date.now()) / 1_000)
      return new Response(null, {
        status: used > 2 ? 429 : 200,
        headers: { ratelimit: `"a";r=${Math.max(0, 2 - used)};t=${t}`, 'ratelimit-policy': '"a";q=2;w=2' },
      })
    }
    const api = createFetch({ fetch, retry: false, concurrency: 1 })
    await settled(Promise.all(Array.from({ length: 6 }, () => api(URL))))
    expect(denied).toBe(0)
  })

  it('of one route lets a call of an unknown one find out, though others wait', async () => {
    const { fetch } = byPath({ '/a': [5, { ratelimit: '"login";r=0;t=30' }], '/b': [5, { ratelimit: '"b";r=5;t=30' }] })
    const api = createFetch({ fetch })
    await settled(api(at('/a')))
    const waiting = api(at('/a'))
    expect(await waits(api, '/b')).toBeLessThan(100)
    await settled(waiting)
  })

  it('for the answer of a route is not longer for traffic on another', async () => {
    const { fetch } = byPath({
      '/login': [20_000, { ratelimit: '"login";r=1;t=60' }],
      '/first': [5, { ratelimit: '"login";r=1;t=60' }],
      '/b': [5, { ratelimit: '"b";r=500;t=60' }],
    })
    const api = createFetch({ fetch })
    await settled(api(at('/b')))
    await settled(api(at('/first')))
    const hanging = api(at('/first?x'))
    void hanging
    const traffic = setInterval(() => void api(at('/b')), 400)
    const login = api(at('/login'))
    await vi.advanceTimersByTimeAsync(3_000)
    clearInterval(traffic)
    await settled(login)
  })
})

describe('a denial', () => {
  it('that says nothing of when to come back holds the others too', async () => {
    let isOver = false
    let sent = 0
    const fetch = async (): Promise<Response> => {
      sent += 1
      await sleep(20)
      return new Response(null, { status: isOver ? 200 : 429 })
    }
    const api = createFetch({ fetch })
    await settled(api('https://other.example'))
    sent = 0
    const calls = Array.from({ length: 100 }, () => api(URL).catch(() => undefined))
    await vi.advanceTimersByTimeAsync(200)
    const atOnce = sent
    expect(atOnce).toBeLessThanOrEqual(10)
    await vi.advanceTimersByTimeAsync(2_000)
    expect(sent).toBeLessThan(atOnce + 10)
    isOver = true
    await settled(Promise.all(calls))
  })

  it.each([
    ['403 with Retry-After', { 'retry-after': '2' }],
    ['403 with nothing left', { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '2' }],
  ])('may be a %s, as GitHub’s', async (_, headers) => {
    const { fetch, gaps } = answering([403, headers], 200)
    expect((await settled(createFetch({ fetch })(URL))).value?.status).toBe(200)
    expect(gaps()[0]).toBeGreaterThanOrEqual(2_000)
    const forbidden = answering(403)
    expect((await settled(createFetch({ fetch: forbidden.fetch })(URL))).value?.status).toBe(403)
    expect(forbidden.sent).toHaveLength(1)
  })
})

describe('a long line', () => {
  it('fails nobody: each of its waits is short', async () => {
    let [used, since] = [0, 0]
    const fetch = async (): Promise<Response> => {
      await sleep(5)
      if (Date.now() - since >= 10_000) [used, since] = [0, Date.now()]
      used += 1
      const t = Math.ceil((since + 10_000 - Date.now()) / 1_000)
      const headers = { ratelimit: `"a";r=${Math.max(0, 50 - used)};t=${t}`, 'ratelimit-policy': '"a";q=50;w=10' }
      return new Response(null, { status: used > 50 ? 429 : 200, headers })
    }
    const api = createFetch({ fetch, maxWaitMs: 15_000 })
    const { value } = await settled(Promise.all(Array.from({ length: 400 }, () => api(URL))))
    expect(value?.every(({ status }) => status === 200)).toBe(true)
  })
})

describe('a breaker', () => {
  const failing = { retry: false, breaker: { calls: 4, leastCalls: 4, openMs: 5_000 }, pacing: false } as const

  it('sends one probe, also where calls from before are aborted meanwhile', async () => {
    let isHanging = true
    let sent = 0
    const fetch = (_: unknown, init?: RequestInit): Promise<Response> => {
      sent += 1
      if (!isHanging) return Promise.resolve(new Response(null, { status: 500 }))
      return new Promise((_resolve, reject) => {
        init?.signal?.addEventListener('abort', () => reject(init.signal?.reason))
      })
    }
    const api = createFetch({ fetch: fetch as typeof globalThis.fetch, ...failing })
    const old = Array.from({ length: 10 }, () => new AbortController())
    const left = old.map(({ signal }) => api(URL, { signal }).catch(() => undefined))
    isHanging = false
    for (let i = 0; i < 4; i++) await settled(api(URL))
    await vi.advanceTimersByTimeAsync(5_001)
    isHanging = true
    sent = 0
    const calls = Array.from({ length: 20 }, () => api(URL).catch(() => undefined))
    await vi.advanceTimersByTimeAsync(0)
    expect(sent).toBe(1)
    for (const controller of old) {
      controller.abort('left')
      await vi.advanceTimersByTimeAsync(0)
    }
    await Promise.all(left)
    expect(sent).toBe(1)
    expect(api.state()).toMatchObject([{ breaker: 'half-open' }])
    expect(calls).toHaveLength(20)
  })

  it('that opens meanwhile ends a call with its answer, and at once', async () => {
    const { fetch } = answering(500)
    const api = createFetch({ fetch, breaker: failing.breaker, retry: { baseMs: 1_000, jitter: 'none' } })
    await settled(api(URL))
    const { value, afterMs } = await settled(api(URL))
    expect([value?.status, afterMs]).toEqual([500, 0])
  })
})

describe('targets', () => {
  it('that are idle are forgotten, and no others', async () => {
    const { fetch } = answering(200)
    const api = createFetch({ fetch, key: ({ url }) => url, retry: false, breaker: { calls: 1, leastCalls: 1 } })
    const broken = createFetch({
      fetch: answering(500).fetch,
      key: ({ url }) => url,
      retry: false,
      breaker: { calls: 1, leastCalls: 1 },
    })
    for (let i = 0; i < 1_500; i++) await broken(`${URL}/${i}`)
    expect(broken.state()).toHaveLength(1_500)
    await vi.advanceTimersByTimeAsync(11_000)
    for (let i = 0; i < 600; i++) await broken(`${URL}/other/${i}`)
    expect(broken.state().length).toBeLessThan(2_100)
    const used = createFetch({
      fetch: answering([200, { ratelimit: '"a";r=0;t=50' }], 200).fetch,
      key: ({ url }) => url,
    })
    await used(`${URL}/used`)
    for (let i = 0; i < 1_100; i++) await used(`${URL}/${i}`)
    expect(used.state().some(({ key }) => key === `${URL}/used`)).toBe(true)
    for (let i = 0; i < 1_100; i++) await api(`${URL}/${i}`)
    expect(api.state()).toHaveLength(1_000)
  })
})

describe('the budget', () => {
  it('counts what was sent', async () => {
    const { fetch } = answering(500)
    const api = createFetch({ fetch, retry: { baseMs: 0 }, breaker: { calls: 4, leastCalls: 4 } })
    for (let i = 0; i < 500; i++) await settled(api(URL))
    expect(api.state()[0]?.retriesLeft).toBeLessThanOrEqual(10)
  })
})

describe('a wait of weeks', () => {
  it('is no timer of a millisecond', async () => {
    const { fetch, sent } = answering([429, { 'retry-after': '2147000' }], 200)
    const api = createFetch({ fetch, maxWaitMs: 2 ** 31 - 1, gate: false, pacing: false })
    const call = api(URL)
    await vi.advanceTimersByTimeAsync(10_000)
    expect(sent).toHaveLength(1)
    expect((await settled(call)).value?.status).toBe(200)
    expect(sent).toHaveLength(2)
  })
})
