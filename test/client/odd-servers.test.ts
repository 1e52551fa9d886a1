import { attemptsOf, createClient, createFetch, type RetryAfterError } from '@sluice/client'
import { afterAll, describe, expect, it } from 'vitest'
import { inOrder, type Noted, noted } from './servers.ts'

const servers: Noted[] = []
afterAll(() => {
  for (const server of servers) server.stop()
})

async function serve(listener: Parameters<typeof noted>[0]): Promise<Noted> {
  const server = await noted(listener)
  servers.push(server)
  return server
}

/** At most a tenth more than what was said, and what a busy machine adds. */
function expectWait(gap: number | undefined, ms: number): void {
  expect(gap).toBeGreaterThanOrEqual(ms - 2)
  expect(gap).toBeLessThan(ms * 1.1 + 400)
}

const inSeconds = (seconds: number, skewMs = 0) => new Date(Date.now() + skewMs + seconds * 1_000)

describe.concurrent('a server that denies twice, and then answers', () => {
  const none = { retry: { jitter: 'none', baseMs: 300 } } as const

  it.each([
    ['no hint', {}, [300, 600]],
    ['retry-after-ms beside retry-after', { 'retry-after-ms': '300', 'retry-after': '5' }, [300, 300]],
    ['retry-after: 0, at which others hammer', { 'retry-after': '0' }, [300, 600]],
    ['retry-after: -5', { 'retry-after': '-5' }, [300, 600]],
    ['retry-after: 0.7', { 'retry-after': '0.7' }, [700, 700]],
    ['the RateLimit field', { ratelimit: '"default";r=0;t=1' }, [1_000, 1_000]],
    ['ratelimit-reset', { 'ratelimit-reset': '1' }, [1_000, 1_000]],
    ['two Retry-After fields', { 'retry-after': ['1', '0.2'] }, [1_000, 1_000]],
  ] as const)('is asked again when it says: %s', async (_, headers, gaps) => {
    const server = await serve(
      inOrder([429, { ...headers } as Record<string, string>], [429, { ...headers } as Record<string, string>], [200]),
    )
    const response = await createFetch(none)(server.url)
    expect(response.status).toBe(200)
    expect(server.requests).toHaveLength(3)
    for (const [i, ms] of gaps.entries()) expectWait(server.gaps()[i], ms)
    expect(attemptsOf(response)).toHaveLength(3)
  })

  it('in two minutes is not waited for', async () => {
    const server = await serve(inOrder([429, { 'retry-after': '120' }]))
    const began = performance.now()
    const error = await createFetch()(server.url).catch((error: RetryAfterError) => error)
    expect(error).toMatchObject({ code: 'SLUICE_RETRY_AFTER' })
    expect(performance.now() - began).toBeLessThan(1_000)
    expect(server.requests).toHaveLength(1)
  })

  it('in 3,000 years is not waited for', async () => {
    const server = await serve(inOrder([429, { 'retry-after': '99999999999' }]))
    await expect(createFetch({ maxWaitMs: 2 ** 31 - 1 })(server.url)).rejects.toMatchObject({
      code: 'SLUICE_RETRY_AFTER',
    })
    expect(server.requests).toHaveLength(1)
  })

  it('and says not to retry is left alone', async () => {
    const server = await serve(inOrder([429, { 'x-should-retry': 'false', 'retry-after': '1' }]))
    expect((await createFetch()(server.url)).status).toBe(429)
    expect(server.requests).toHaveLength(1)
  })
})

describe.concurrent('a server whose clock is wrong', () => {
  it.each([3_600_000, -3_600_000])('by %i ms is waited for as long as it means', async (skewMs) => {
    const server = await serve((_req, res, number) => {
      if (number > 1) return res.end('ok')
      // Whole seconds: up to one more.
      res.writeHead(429, {
        'retry-after': inSeconds(2, skewMs).toUTCString(),
        date: inSeconds(0, skewMs).toUTCString(),
      })
      return res.end()
    })
    await createFetch()(server.url)
    const [gap] = server.gaps()
    expect(gap).toBeGreaterThanOrEqual(1_000)
    expect(gap).toBeLessThan(4_000)
  })

  it('and sends its date in an old form is understood', async () => {
    const [day, month, date, time, year] = inSeconds(2).toUTCString().replace(',', '').split(' ').length
      ? asctime(inSeconds(2))
      : []
    const server = await serve(inOrder([503, { 'retry-after': `${day} ${month} ${date} ${time} ${year}` }], [200]))
    await createFetch()(server.url)
    expect(server.gaps()[0]).toBeGreaterThanOrEqual(990)
  })
})

/** `Sun Nov  6 08:49:37 1994`. */
function asctime(date: Date): readonly [string, string, string, string, string] {
  const [, day = '', month = '', year = '', time = ''] =
    /^(\w+), \d+ (\w+) (\d+) ([\d:]+)/.exec(date.toUTCString()) ?? []
  return [day, month, String(date.getUTCDate()).padStart(2), time, year]
}

describe('a body', () => {
  it.each([429, 503])('of a %i that never ends holds nobody up', async (status) => {
    const server = await serve((_req, res, number) => {
      if (number > 1) return res.end('ok')
      res.writeHead(status, { 'content-type': 'application/json', 'retry-after-ms': '50' })
      return res.write('{"error":')
    })
    const began = performance.now()
    const response = await createFetch({ retry: { baseMs: 1 } })(server.url)
    expect(await response.text()).toBe('ok')
    expect(performance.now() - began).toBeLessThan(3_000)
  })

  it('that breaks off after the head is the caller’s to see, and gives its place back', async () => {
    const server = await serve((_req, res) => {
      res.writeHead(200, { 'content-length': '100' })
      res.write('begun')
      setTimeout(() => res.destroy(), 20)
    })
    const api = createFetch({ concurrency: 1 })
    for (let i = 0; i < 3; i++) await expect((await api(server.url)).text()).rejects.toThrow()
    expect(api.state()).toMatchObject([{ inside: 0 }])
  })

  it.each(['text', 'json', 'arrayBuffer', 'blob', 'bytes'] as const)(
    'is given back when it has been read by %s()',
    async (way) => {
      const server = await serve(inOrder([200, {}, '"text"']))
      const api = createFetch({ concurrency: 1 })
      for (let i = 0; i < 3; i++) {
        const response = await api(server.url)
        if (!(way in response)) return
        await response[way]()
      }
      expect(api.state()).toMatchObject([{ inside: 0 }])
    },
  )

  it('is that of a real Response: its URL, its type, its stream, its copies', async () => {
    const server = await serve((req, res) => {
      if (req.url === '/old') res.writeHead(302, { location: '/new' })
      res.end('x'.repeat(200_000))
    })
    const api = createFetch({ concurrency: 1 })
    const response = await api(`${server.url}/old`)
    expect([response.url, response.redirected, response.type, response instanceof Response]).toEqual([
      `${server.url}/new`,
      true,
      'basic',
      true,
    ])
    const copy = response.clone()
    const again = new Response(response.body)
    expect((await again.text()).length).toBe(200_000)
    expect((await copy.text()).length).toBe(200_000)
    expect(api.state()).toMatchObject([{ inside: 0 }])

    const reader = (await api(server.url)).body?.getReader({ mode: 'byob' })
    let bytes = 0
    for (;;) {
      const part = await reader?.read(new Uint8Array(16_384))
      bytes += part?.value?.byteLength ?? 0
      if (part === undefined || part.done) break
    }
    expect(bytes).toBe(200_000)
    expect(api.state()).toMatchObject([{ inside: 0 }])

    const aborted = new AbortController()
    const third = await api(server.url, { signal: aborted.signal })
    aborted.abort(new Error('left'))
    await expect(third.text()).rejects.toThrow()
    expect(api.state()).toMatchObject([{ inside: 0 }])

    expect((await api(server.url, { method: 'HEAD' })).status).toBe(200)
    expect(api.state()).toMatchObject([{ inside: 0 }])
  })

  it('ends with its caller’s signal, also where the call has a deadline', async () => {
    const server = await serve((_req, res) => {
      res.write('begun')
    })
    const controller = new AbortController()
    const response = await createFetch({ deadlineMs: 10_000, attemptTimeoutMs: 5_000 })(server.url, {
      signal: controller.signal,
    })
    setTimeout(() => controller.abort(new Error('left')), 50)
    await expect(response.text()).rejects.toThrow('left')
  })
})

describe('a connection', () => {
  it('that is reset before an answer is tried again', async () => {
    const server = await serve((req, res, number) => {
      if (number < 3) req.socket.resetAndDestroy()
      else res.end('ok')
    })
    const response = await createFetch({ retry: { baseMs: 1 } })(server.url)
    expect(await response.text()).toBe('ok')
    expect(attemptsOf(response)?.map(({ status }) => status)).toEqual([undefined, undefined, 200])
  })

  it('that nobody takes is tried again, whatever is sent', async () => {
    const server = await serve(inOrder([200]))
    server.stop()
    const failed = await createFetch({ retry: { baseMs: 1 } })(server.url, { method: 'POST', body: 'x' }).catch(
      (error) => error,
    )
    expect(failed).toBeInstanceOf(TypeError)
    expect(attemptsOf(failed)).toHaveLength(3)
  })
})

describe('a redirect to a 429', () => {
  it('is waited for like any', async () => {
    let denied = 0
    const server = await serve((req, res) => {
      if (req.url === '/old') {
        res.writeHead(307, { location: '/new' })
        return res.end()
      }
      denied += 1
      if (denied === 1) res.writeHead(429, { 'retry-after-ms': '300' })
      return res.end('ok')
    })
    expect(await (await createFetch()(`${server.url}/old`)).text()).toBe('ok')
    expect(server.requests.map(({ path }) => path)).toEqual(['/old', '/new', '/old', '/new'])
    expectWait(server.gaps()[1], 300)
  })
})

describe('a streaming POST', () => {
  it('that is denied is not sent twice', async () => {
    const server = await serve((req, res) => {
      req.resume().on('end', () => {
        res.writeHead(429, { 'retry-after-ms': '10' })
        res.end('slow down')
      })
    })
    const response = await createFetch()(server.url, {
      method: 'POST',
      body: new Blob(['hello']).stream(),
      duplex: 'half',
    } as RequestInit)
    expect([response.status, response.headers.get('x-should-retry'), await response.text()]).toEqual([
      429,
      'false',
      'slow down',
    ])
    expect(server.requests).toHaveLength(1)
  })
})

describe('an abort', () => {
  const leave = async (call: (signal: AbortSignal) => Promise<unknown>, afterMs = 80) => {
    const controller = new AbortController()
    const outcome = call(controller.signal).catch((error) => error)
    await new Promise((resolve) => setTimeout(resolve, afterMs))
    const began = performance.now()
    controller.abort('left')
    expect(await outcome).toBe('left')
    expect(performance.now() - began).toBeLessThan(100)
  }

  it('settles at once, wherever the call is, and nothing is sent after it', async () => {
    const server = await serve((req, res) => {
      if (req.url === '/503') res.writeHead(503, { 'retry-after': '3' })
      if (req.url === '/used') res.setHeader('ratelimit', '"a";r=0;t=3')
      if (req.url !== '/hang') res.end()
    })
    const { url } = server
    // In flight.
    await leave((signal) => createFetch()(`${url}/hang`, { signal }))
    // In the wait for another attempt.
    await leave((signal) => createFetch()(`${url}/503`, { signal }))
    await leave((signal) => createFetch({ gate: false })(`${url}/503`, { signal }))
    // At a gate.
    const gated = createFetch({ retry: false })
    await gated(`${url}/503`)
    await leave((signal) => gated(`${url}/`, { signal }))
    // In its pace.
    const paced = createFetch()
    await paced(`${url}/used`)
    await leave((signal) => paced(`${url}/used`, { signal }))
    // In a queue.
    const queued = createFetch({ concurrency: 1 })
    const first = queued(`${url}/hang`, { signal: AbortSignal.timeout(1_000) }).catch(() => undefined)
    await leave((signal) => queued(`${url}/`, { signal }))
    // In the limits.
    const limited = createFetch({ limits: '1/min' })
    await limited(`${url}/`)
    await leave((signal) => limited(`${url}/`, { signal }))
    // In a function that does not listen.
    await leave((signal) => createClient().execute(() => new Promise(() => undefined), { signal }))
    // Before it began.
    await expect(createFetch()(url, { signal: AbortSignal.abort('before') })).rejects.toBe('before')
    const sent = server.requests.length
    await first
    await new Promise((resolve) => setTimeout(resolve, 3_500))
    expect(server.requests).toHaveLength(sent)
    for (const api of [gated, paced, queued, limited])
      expect(api.state()).toMatchObject([{ calls: 0, paced: 0, queued: 0 }])
  })
})

describe('more responses than places', () => {
  it('may all be waited for before the first is read', async () => {
    const server = await serve((_req, res) => res.end('x'.repeat(50_000)))
    const api = createFetch({ concurrency: 2 })
    const responses = await Promise.all(Array.from({ length: 9 }, () => api(server.url)))
    const texts = await Promise.all(responses.map((response) => response.text()))
    expect(texts.map(({ length }) => length)).toEqual(Array.from({ length: 9 }, () => 50_000))
    expect(api.state()).toMatchObject([{ inside: 0, queued: 0 }])
  })

  it('keep their places where their bodies are long, until those are read', async () => {
    const server = await serve((_req, res) => res.end('x'.repeat(5_000_000)))
    const api = createFetch({ concurrency: 1 })
    const response = await api(server.url)
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(api.state()).toMatchObject([{ inside: 1 }])
    expect((await response.text()).length).toBe(5_000_000)
    expect(api.state()).toMatchObject([{ inside: 0 }])
  })
})
