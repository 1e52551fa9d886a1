import { describe, expect, it, vi } from 'vitest'
import { attemptsOf, createFetch, QuotaExceededError, RetryAfterError } from '../index.ts'
import { answering, networkError, settled, standingTime } from '../testing.test-helper.ts'

const URL = 'https://api.example.com/things'

standingTime()

describe('what is retried', () => {
  it.each([408, 425, 429, 500, 502, 503, 504])('a %i', async (status) => {
    const { fetch, sent } = answering(status, 200)
    const { value } = await settled(createFetch({ fetch })(URL))
    expect(value?.status).toBe(200)
    expect(sent).toHaveLength(2)
  })

  it.each([200, 204, 301, 400, 401, 403, 404, 409, 501])('not a %i', async (status) => {
    const { fetch, sent } = answering(status)
    const { value } = await settled(createFetch({ fetch })(URL))
    expect(value?.status).toBe(status)
    expect(sent).toHaveLength(1)
    expect(attemptsOf(value)).toBeUndefined()
  })

  it('a network error', async () => {
    const { fetch, sent } = answering(networkError('ECONNRESET'), 200)
    expect((await settled(createFetch({ fetch })(URL))).value?.status).toBe(200)
    expect(sent).toHaveLength(2)
  })

  it.each([new TypeError('Invalid URL'), new SyntaxError('x'), new DOMException('x', 'AbortError')])(
    'not a mistake: %s',
    async (error) => {
      const { fetch, sent } = answering(error)
      expect((await settled(createFetch({ fetch })(URL))).error).toBe(error)
      expect(sent).toHaveLength(1)
    },
  )

  it.each(['HEAD', 'OPTIONS', 'PUT', 'DELETE', 'put'])('%s, which may be sent twice', async (method) => {
    const { fetch, sent } = answering(500, 200)
    await settled(createFetch({ fetch })(URL, { method }))
    expect(sent).toHaveLength(2)
  })

  it.each([500, 408, networkError('ECONNRESET')])('not a POST that may have been processed: %s', async (answer) => {
    const { fetch, sent } = answering(answer, 200)
    await settled(createFetch({ fetch })(URL, { method: 'POST', body: 'x' }))
    expect(sent).toHaveLength(1)
  })

  it.each([
    ['429', 429],
    ['503 with Retry-After', [503, { 'retry-after': '1' }]],
    ['no connection', networkError('ECONNREFUSED')],
    ['x-should-retry', [500, { 'x-should-retry': 'true' }]],
  ] as const)('a POST that was refused before it was processed: %s', async (_, answer) => {
    const { fetch, sent } = answering(answer, 200)
    await settled(createFetch({ fetch })(URL, { method: 'POST', body: 'x' }))
    expect(sent.map(({ body }) => body)).toEqual(['x', 'x'])
  })

  it('a POST with an Idempotency-Key, and methods that options name', async () => {
    const first = answering(500, 200)
    await settled(createFetch({ fetch: first.fetch })(URL, { method: 'POST', headers: { 'Idempotency-Key': 'a' } }))
    expect(first.sent).toHaveLength(2)
    const second = answering(500, 200)
    await settled(createFetch({ fetch: second.fetch, retry: { methods: ['post'] } })(URL, { method: 'POST' }))
    expect(second.sent).toHaveLength(2)
  })

  it('not what the server says not to: x-should-retry', async () => {
    const { fetch, sent } = answering([503, { 'x-should-retry': 'false' }])
    expect((await settled(createFetch({ fetch })(URL))).value?.status).toBe(503)
    expect(sent).toHaveLength(1)
  })
})

describe('bodies', () => {
  const bodies: Record<string, () => [BodyInit, string]> = {
    text: () => ['hello', 'hello'],
    bytes: () => [new TextEncoder().encode('hello'), 'hello'],
    blob: () => [new Blob(['hello']), 'hello'],
    parameters: () => [new URLSearchParams({ a: '1' }), 'a=1'],
  }
  it.each(Object.keys(bodies))('of %s are sent again', async (kind) => {
    const [body, text] = bodies[kind]?.() ?? ['', '']
    const { fetch, sent } = answering(500, 503, 200)
    await settled(createFetch({ fetch })(URL, { method: 'PUT', body }))
    expect(sent.map(({ body }) => body)).toEqual([text, text, text])
  })

  it('of a Request are sent again', async () => {
    const { fetch, sent } = answering(500, 503, 200)
    await settled(createFetch({ fetch })(new Request(URL, { method: 'PUT', body: 'hello' })))
    expect(sent.map(({ body }) => body)).toEqual(['hello', 'hello', 'hello'])
  })

  it('that are streams are sent once, also after a 429', async () => {
    const { fetch, sent } = answering([429, { 'retry-after': '1' }])
    const body = new Blob(['hello']).stream()
    const { value } = await settled(createFetch({ fetch })(URL, { method: 'PUT', body, duplex: 'half' } as RequestInit))
    expect(sent).toHaveLength(1)
    expect(value?.status).toBe(429)
    expect(value?.headers.get('x-should-retry')).toBe('false')
  })

  it('of failed responses are read, so that their connections can be used again', async () => {
    const { fetch, responses } = answering(500, 200)
    await settled(createFetch({ fetch })(URL))
    expect(responses.map(({ bodyUsed }) => bodyUsed)).toEqual([true, false])
  })
})

describe('the wait', () => {
  it('is computed where the server names none: capped, and then spread', async () => {
    const waits = async (jitter: 'none' | 'full' | 'equal' | 'decorrelated', random: number) => {
      vi.spyOn(Math, 'random').mockReturnValue(random)
      const { fetch, gaps } = answering(500)
      const retry = { attempts: 6, baseMs: 100, maxMs: 1_000, jitter, budget: false } as const
      await settled(createFetch({ fetch, retry, breaker: false })(URL))
      return gaps()
    }
    expect(await waits('none', 0.5)).toEqual([100, 200, 400, 800, 1_000])
    expect(await waits('full', 0.5)).toEqual([50, 100, 200, 400, 500])
    expect(await waits('equal', 0)).toEqual([50, 100, 200, 400, 500])
    expect(await waits('decorrelated', 1)).toEqual([100, 300, 900, 1_000, 1_000])
  })

  it('is what a function says, if that is a wait', async () => {
    const answers: unknown[] = [70, Number.NaN, -1, undefined]
    const { fetch, gaps } = answering(500)
    const retry = { attempts: 5, baseMs: 100, jitter: (() => answers.shift()) as () => number, budget: false } as const
    await settled(createFetch({ fetch, retry, breaker: false })(URL))
    expect(gaps()).toEqual([70, 200, 400, 800])
  })

  it.each([
    [{ 'retry-after': '7' }, 7_000],
    [{ 'retry-after': '0.7' }, 700],
    [{ 'retry-after-ms': '300', 'retry-after': '5' }, 300],
    [{ 'retry-after': 'Thu, 01 Jan 2026 00:00:30 GMT' }, 30_000],
    [{ ratelimit: '"a";r=0;t=4' }, 4_000],
    [{ 'ratelimit-remaining': '0', 'ratelimit-reset': '2' }, 2_000],
    [{ 'ratelimit-reset': '2' }, 2_000],
    [{ 'x-ratelimit-reset': '1767225602' }, 2_000],
    [{ 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '1767225605' }, 5_000],
    [{ ratelimit: '"a";r=0;t=4, "b";r=0;t=9, "c";r=5;t=50' }, 9_000],
  ])('is the server’s, and up to a tenth longer: %j', async (headers, ms) => {
    for (const random of [0, 0.5, 0.999]) {
      vi.spyOn(Math, 'random').mockReturnValue(random)
      vi.setSystemTime(Date.UTC(2026, 0, 1))
      const { fetch, gaps } = answering([429, headers as Record<string, string>], 200)
      await settled(createFetch({ fetch })(URL))
      expect(gaps()[0]).toBeGreaterThanOrEqual(ms)
      expect(gaps()[0]).toBeLessThanOrEqual(ms * 1.1 + 1)
    }
  })

  it.each(['0', '-5', 'soon', 'Thu, 01 Jan 2015 00:00:30 GMT'])('is computed for Retry-After: %s', async (text) => {
    const { fetch, gaps } = answering([429, { 'retry-after': text }], 200)
    await settled(createFetch({ fetch, retry: { jitter: 'none' } })(URL))
    expect(gaps()).toEqual([500])
  })

  it('that is longer than maxWaitMs fails at once, and says until when', async () => {
    const { fetch, sent } = answering([429, { 'retry-after': '120', ratelimit: '"daily";r=0;t=120' }])
    const api = createFetch({ fetch })
    const { error, afterMs } = await settled(api(URL))
    expect(afterMs).toBe(0)
    expect(error).toBeInstanceOf(RetryAfterError)
    const { retryAt, limit, key, response, message } = error as RetryAfterError
    expect([retryAt - Date.now(), limit?.name, key, response?.status]).toEqual([
      120_000,
      'daily',
      'https://api.example.com',
      429,
    ])
    expect(message).toBe(
      'https://api.example.com can be called again at 2026-01-01T00:02:00.000Z (limit "daily"): that is longer than this call may wait.',
    )
    // Nor is another call sent before.
    expect((await settled(api(URL))).error).toBeInstanceOf(RetryAfterError)
    expect(sent).toHaveLength(1)
  })

  it.each(['99999999999', '9007199254740991', '9'.repeat(400)])(
    'of Retry-After: %s is no timer of 1 ms',
    async (text) => {
      const { fetch, sent } = answering([429, { 'retry-after': text }])
      const { error } = await settled(createFetch({ fetch, maxWaitMs: 2 ** 31 - 1 })(URL))
      expect(error).toBeInstanceOf(RetryAfterError)
      expect(sent).toHaveLength(1)
    },
  )

  it('that ends beyond the deadline fails at once', async () => {
    const { fetch } = answering([503, { 'retry-after': '10' }])
    const { error, afterMs } = await settled(createFetch({ fetch, deadlineMs: 5_000 })(URL))
    expect(afterMs).toBe(0)
    expect(error).toMatchObject({ code: 'SLUICE_RETRY_AFTER' })
  })

  it('that is too long gives the response, where that is asked for, and a 429 for what is not sent', async () => {
    const { fetch, sent } = answering([429, { 'retry-after': '120' }, 'slow down'])
    const api = createFetch({ fetch, giveUp: 'return' })
    const { value } = await settled(api(URL))
    expect([value?.status, value?.headers.get('x-should-retry'), await value?.text()]).toEqual([
      429,
      'false',
      'slow down',
    ])
    const { value: second } = await settled(api(URL))
    expect(sent).toHaveLength(1)
    expect([second?.status, second?.headers.get('x-should-retry')]).toEqual([429, 'false'])
    expect(Number(second?.headers.get('retry-after'))).toBeGreaterThanOrEqual(120)
    expect(await second?.json()).toMatchObject({ status: 429, detail: expect.stringContaining('(@sluice/client)') })
  })
})

describe('the last attempt', () => {
  it('gives the response, which ends the attempts of an SDK above', async () => {
    const { fetch, sent } = answering([500, { 'x-a': 'b' }])
    const { value } = await settled(createFetch({ fetch })(URL))
    expect(sent).toHaveLength(3)
    expect([value?.status, value?.headers.get('x-should-retry'), value?.headers.get('x-a')]).toEqual([
      500,
      'false',
      'b',
    ])
    expect(await value?.text()).toBe('answer 3')
    expect(attemptsOf(value)).toMatchObject([{ status: 500 }, { status: 500 }, { status: 500, waitedMs: 0 }])
  })

  it('fails as fetch did', async () => {
    const error = networkError('ECONNRESET')
    const { fetch } = answering(error)
    const outcome = await settled(createFetch({ fetch })(URL))
    expect(outcome.error).toBe(error)
    expect(attemptsOf(error)).toHaveLength(3)
  })

  it('that succeeds carries those before', async () => {
    const { fetch } = answering(500, [429, { 'retry-after': '2' }], 200)
    const { value } = await settled(createFetch({ fetch })(URL))
    const attempts = attemptsOf(value)
    expect(attempts?.map(({ status }) => status)).toEqual([500, 429, 200])
    expect(attempts?.[1]?.waitedMs).toBeGreaterThanOrEqual(2_000)
  })
})

describe('a quota', () => {
  const json = { 'content-type': 'application/json' }
  const problem = (seconds: number): [number, Record<string, string>, string] => [
    429,
    { 'content-type': 'application/problem+json', 'retry-after': String(seconds) },
    JSON.stringify({
      type: 'https://iana.org/assignments/http-problem-types#quota-exceeded',
      detail: 'The limit "monthly" is used up.',
    }),
  ]

  it('that is used up for hours is not retried', async () => {
    const { fetch, sent } = answering(problem(7_200))
    const { error } = await settled(createFetch({ fetch, maxWaitMs: 10_000_000 })(URL))
    expect(error).toBeInstanceOf(QuotaExceededError)
    const { retryAt, message, response } = error as QuotaExceededError
    expect((retryAt ?? 0) - Date.now()).toBe(7_200_000)
    expect(message).toContain('The limit "monthly" is used up.')
    expect(response.status).toBe(429)
    expect(sent).toHaveLength(1)
  })

  it('that is a rate is waited for', async () => {
    const { fetch, sent } = answering(problem(7), 200)
    expect((await settled(createFetch({ fetch })(URL))).value?.status).toBe(200)
    expect(sent).toHaveLength(2)
  })

  it.each([
    { error: { code: 'insufficient_quota', message: 'You exceeded your current quota' } },
    { error: { type: 'insufficient_quota' } },
    { code: 'billing_hard_limit_reached' },
  ])('or a credit of OpenAI’s is not retried: %j', async (body) => {
    const { fetch, sent } = answering([429, { ...json, 'retry-after': '1' }, JSON.stringify(body)])
    expect((await settled(createFetch({ fetch })(URL))).error).toBeInstanceOf(QuotaExceededError)
    expect(sent).toHaveLength(1)
    const returned = answering([429, { ...json, 'retry-after': '1' }, JSON.stringify(body)])
    const { value } = await settled(createFetch({ fetch: returned.fetch, giveUp: 'return' })(URL))
    expect([value?.status, value?.headers.get('x-should-retry')]).toEqual([429, 'false'])
    expect(await value?.json()).toEqual(body)
  })

  it.each(['{', '[]', 'null', '"x"', '{"error":null}', '{"error":{"code":"rate_limit_exceeded"}}', ''])(
    'is not read into a body such as %s',
    async (body) => {
      const { fetch, sent } = answering([429, { ...json, 'retry-after': '1' }, body], 200)
      expect((await settled(createFetch({ fetch })(URL))).value?.status).toBe(200)
      expect(sent).toHaveLength(2)
    },
  )
})

describe('the budget', () => {
  it('lets through a fifth of the requests as retries, and one for each second', async () => {
    const { fetch, sent } = answering(500)
    const api = createFetch({ fetch, breaker: false, retry: { jitter: 'none', baseMs: 0 } })
    await settled(Promise.all(Array.from({ length: 100 }, async () => (await api(URL)).text())))
    expect(sent).toHaveLength(100 + 20 + 10)
    expect(api.state()[0]?.retriesLeft).toBe(0)
    vi.advanceTimersByTime(10_000)
    expect(api.state()[0]?.retriesLeft).toBe(10)
  })

  it('is another one for each key, and can be left out', async () => {
    const { fetch, sent } = answering(500)
    const api = createFetch({ fetch, breaker: false, retry: { baseMs: 0, budget: false } })
    await settled(Promise.all(Array.from({ length: 100 }, async () => (await api(URL)).text())))
    expect(sent).toHaveLength(300)
  })
})

describe('without retries', () => {
  it('responses are those of fetch', async () => {
    const { fetch, sent, responses } = answering([503, { 'retry-after': '9' }])
    const { value } = await settled(createFetch({ fetch, retry: false })(URL))
    expect(value).toBe(responses[0])
    expect(value?.headers.has('x-should-retry')).toBe(false)
    expect(sent).toHaveLength(1)
  })
})
