import { getEventListeners } from 'node:events'
import { createFetch } from '@sluice/client'
import { concurrency } from '@sluice/core'
import { afterEach, describe, expect, it } from 'vitest'
import { inOrder, type Noted, noted } from './servers.ts'

let server: Noted
afterEach(() => server?.stop())

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** Begins a body, and never ends it. */
const endless = () => noted((_req, res) => void res.write('begun'))

describe('a body that is aborted', () => {
  it.each([
    ['concurrency', { concurrency: 1 }],
    ['slots of limits', { limits: concurrency(1) }],
    ['a deadline too', { concurrency: 1, deadlineMs: 5_000 }],
  ])('gives its place back although nobody reads it: %s', async (_, options) => {
    server = await endless()
    const api = createFetch(options)
    const kept: unknown[] = []
    for (let i = 0; i < 4; i++) {
      const controller = new AbortController()
      const response = await api(server.url, { signal: controller.signal })
      if (i % 2 === 0) {
        const reader = response.body?.getReader()
        await reader?.read()
        kept.push(reader)
      }
      kept.push(response)
      controller.abort(new Error('left'))
    }
    expect(server.requests).toHaveLength(4)
  })

  it.each(['text', 'json', 'arrayBuffer'] as const)('ends %s() at once, also of a coalesced call', async (way) => {
    server = await endless()
    for (const coalesce of [false, true]) {
      const api = createFetch({ coalesce, deadlineMs: 10_000 })
      const controller = new AbortController()
      const other = api(server.url)
      const response = await api(server.url, { signal: controller.signal })
      const text = response[way]()
      await sleep(20)
      controller.abort(new Error('left'))
      await expect(text).rejects.toThrow('left')
      ;(await other).body?.cancel().catch(() => undefined)
    }
  })
})

describe('a signal that many calls share', () => {
  it('has one listener of ours, and none when they are over', async () => {
    server = await noted((_req, res) => void setTimeout(() => res.end('x'), 30))
    const warnings: string[] = []
    const warned = (warning: Error) => warnings.push(warning.name)
    process.on('warning', warned)
    const controller = new AbortController()
    const api = createFetch({ deadlineMs: 10_000, attemptTimeoutMs: 5_000, concurrency: 50 })
    const calls = Array.from({ length: 40 }, async () => (await api(server.url, { signal: controller.signal })).text())
    await sleep(10)
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(1)
    await Promise.all(calls)
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0)
    await sleep(5)
    process.off('warning', warned)
    expect(warnings).toEqual([])
  })
})

describe('bodies of another fetch', () => {
  const streamed = (parts: readonly Uint8Array[]) => () =>
    new Response(
      new ReadableStream({
        start(controller) {
          for (const part of parts) controller.enqueue(part)
          controller.close()
        },
      }),
    )
  const shared = new TextEncoder().encode('abcd')

  it.each([
    ['a Buffer', [Buffer.from('ab'), Buffer.from('cd')]],
    ['an empty part', [new Uint8Array(0), shared]],
    ['views on one buffer', [shared.subarray(0, 2), shared.subarray(2)]],
  ])('may have %s', async (_, parts) => {
    const api = createFetch({ concurrency: 1, fetch: async () => streamed(parts)() })
    const response = await api('https://a.example')
    const copy = response.clone()
    let text = ''
    for await (const part of response.body ?? []) text += new TextDecoder().decode(part)
    expect([text, await copy.text()]).toEqual(['abcd', 'abcd'])
    expect(api.state()).toMatchObject([{ inside: 0 }])
  })

  it('may be looked at before a copy is made, and not be read twice', async () => {
    server = await noted(inOrder([200, {}, 'hello']))
    const api = createFetch({ concurrency: 1 })
    const response = await api(server.url)
    expect(response.body).not.toBeNull()
    const copy = response.clone()
    let text = ''
    for await (const part of response.body ?? []) text += new TextDecoder().decode(part)
    expect([text, await copy.text()]).toEqual(['hello', 'hello'])
    await expect(response.text()).rejects.toThrow(TypeError)
    const locked = await api(server.url)
    const reader = locked.body?.getReader()
    await expect(locked.text()).rejects.toThrow(TypeError)
    expect(() => locked.clone()).toThrow(TypeError)
    await reader?.cancel()
    expect(api.state()).toMatchObject([{ inside: 0 }])
  })

  it.each([
    ['no response', undefined],
    ['null', null],
    ['something like one', { status: 429, headers: {} }],
  ])('that is %s is a TypeError', async (_, answer) => {
    const api = createFetch({ concurrency: 1, fetch: (async () => answer) as never })
    await expect(api('https://a.example')).rejects.toThrow('The given fetch function has not resolved with a Response.')
    expect(api.state()).toMatchObject([{ inside: 0, calls: 0 }])
  })

  it('may be a frozen Response, or one whose body is a stream of Node’s', async () => {
    const frozen = createFetch({
      concurrency: 1,
      retry: false,
      fetch: async () => Object.freeze(new Response('x', { status: 503 })),
    })
    expect((await frozen('https://a.example')).status).toBe(503)
    const { Readable } = await import('node:stream')
    const api = createFetch({
      concurrency: 1,
      retry: { baseMs: 1, attempts: 2 },
      fetch: (async () => ({ status: 503, headers: new Headers(), body: Readable.from(['x']) })) as never,
    })
    const response = await api('https://a.example')
    expect(response.status).toBe(503)
    ;(response.body as unknown as { resume(): void }).resume()
    await sleep(10)
    expect(api.state()).toMatchObject([{ inside: 0 }])
  })
})

describe('the last of several attempts', () => {
  it('says so in its copies too, also to those who were coalesced', async () => {
    server = await noted(inOrder([503, {}, 'down']))
    const api = createFetch({ coalesce: true, retry: { baseMs: 1 } })
    const responses = await Promise.all([api(server.url), api(server.url)])
    expect(server.requests).toHaveLength(3)
    for (const response of responses) {
      expect(response.headers.get('x-should-retry')).toBe('false')
      expect(response.clone().headers.get('x-should-retry')).toBe('false')
      expect(await response.text()).toBe('down')
    }
  })

  it('is not claimed where an attempt was only not safe: whoever knows more may try again', async () => {
    server = await noted(inOrder([500]))
    const response = await createFetch()(server.url, { method: 'POST' })
    expect(response.headers.has('x-should-retry')).toBe(false)
  })
})

describe('users’ functions', () => {
  const rejecting = (async () => {
    throw new Error('late')
  }) as never

  it('that reject later are errors of their calls, and of nothing else', async () => {
    server = await noted(inOrder([503], [200]))
    const unhandled: unknown[] = []
    const listener = (reason: unknown) => unhandled.push(reason)
    process.on('unhandledRejection', listener)
    await expect(createFetch({ key: rejecting })(server.url)).rejects.toMatchObject({ code: 'SLUICE_CONFIG' })
    await expect(createFetch({ priority: rejecting })(server.url)).rejects.toMatchObject({ code: 'SLUICE_CONFIG' })
    await expect(createFetch({ limits: '9/s', cost: rejecting })(server.url)).rejects.toMatchObject({
      code: 'SLUICE_COST',
    })
    expect((await createFetch({ retry: { jitter: rejecting, baseMs: 1 } })(server.url)).status).toBe(200)
    await sleep(20)
    process.off('unhandledRejection', listener)
    expect(unhandled).toEqual([])
  })

  it('that throw give the place back', async () => {
    server = await noted(inOrder([503], [200]))
    const jitter = () => {
      throw new Error('broken')
    }
    const api = createFetch({ concurrency: 1, retry: { jitter } })
    await expect(api(server.url)).rejects.toThrow('broken')
    expect((await api(server.url)).status).toBe(200)
  })
})

describe('mistakes', () => {
  it.each(['foo', 'ftp://x/', 'http://127.0.0.1:1/'])('are not tried again: %s', async (url) => {
    const api = createFetch()
    const retries: unknown[] = []
    api.on('retry', (event) => retries.push(event))
    for (let i = 0; i < 12; i++) await expect(api(url)).rejects.toThrow(TypeError)
    expect(retries).toEqual([])
  })

  it('are redirects that are not followed, or lead in a circle', async () => {
    server = await noted((_req, res) => {
      res.writeHead(302, { location: '/' })
      res.end()
    })
    await expect(createFetch()(server.url, { redirect: 'error' })).rejects.toThrow(TypeError)
    expect(server.requests).toHaveLength(1)
    await expect(createFetch()(server.url)).rejects.toThrow(TypeError)
    expect(server.requests).toHaveLength(1 + 21)
  })
})

describe('a body that has to be looked at', () => {
  it('holds up neither deadline nor abort nor gate', async () => {
    server = await noted((_req, res, number) => {
      res.writeHead(429, { 'content-type': 'application/json', 'retry-after': '5' })
      if (number === 1) res.write('{"error":')
      else res.end('{}')
    })
    const api = createFetch({ deadlineMs: 6_000 })
    const first = api(server.url, { signal: AbortSignal.timeout(300) }).catch((error) => error)
    await sleep(100)
    expect(api.state()).toMatchObject([{ gateClosedUntil: expect.any(Number) }])
    const began = performance.now()
    expect((await first).name).toBe('TimeoutError')
    expect(performance.now() - began).toBeLessThan(400)
    expect(server.requests).toHaveLength(1)
  })

  it('may be hostile', async () => {
    for (const body of [
      '{"error":{"code":"insufficient_quota","message":{"toString":1,"valueOf":1}}}',
      `{"type":"https://iana.org/#quota-exceeded","detail":${JSON.stringify('\u001b[31m'.repeat(5_000))}}`,
    ]) {
      server = await noted(inOrder([429, { 'content-type': 'application/json', 'retry-after': '7200' }, body]))
      const error = await createFetch({ maxWaitMs: 10_000_000 })(server.url).catch((error) => error)
      expect(error).toMatchObject({ code: 'SLUICE_QUOTA_EXCEEDED' })
      expect(error.message.length).toBeLessThan(400)
      expect(error.message).not.toMatch(/\p{Cc}/u)
      server.stop()
    }
  })
})

describe('a body that is only looked at', () => {
  it('does not keep its place: with a signal and coalescing, or by a test for null', async () => {
    server = await noted(inOrder([200, {}, 'hello']))
    const api = createFetch({ coalesce: true, concurrency: 1 })
    const { signal } = new AbortController()
    const first = await api(`${server.url}/a`, { signal })
    expect(first.body === null).toBe(false)
    const second = await api(`${server.url}/b`, { signal })
    expect([await first.text(), await second.text()]).toEqual(['hello', 'hello'])
  })
})

describe('a program that awaits responses before it reads them', () => {
  it('does not end before they have come', async () => {
    server = await noted(inOrder([200, {}, 'hello']))
    const { execFile } = await import('node:child_process')
    const { promisify } = await import('node:util')
    const program = `
      import { createFetch } from '@sluice/client'
      const api = createFetch({ concurrency: 1 })
      const all = await Promise.all(['a', 'b', 'c'].map((x) => api('${server.url}/' + x)))
      console.log(all.length)`
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program])
    expect(stdout.trim()).toBe('3')
  })
})

describe('what comes too late, or is no response', () => {
  it('ends no process', async () => {
    const unhandled: unknown[] = []
    const listener = (reason: unknown) => unhandled.push(reason)
    process.on('unhandledRejection', listener)
    const late = createFetch({
      attemptTimeoutMs: 20,
      retry: { attempts: 1 },
      fetch: (async () => {
        await sleep(60)
        return undefined
      }) as never,
    })
    await expect(late('https://a.example')).rejects.toMatchObject({ code: 'SLUICE_ATTEMPT_TIMEOUT' })
    const used = new Response('x')
    await used.text()
    const same = createFetch({ coalesce: true, fetch: async () => used })
    const outcomes = await Promise.allSettled([same('https://a.example'), same('https://a.example')])
    expect(outcomes.map(({ status }) => status)).toContain('rejected')
    await sleep(80)
    process.off('unhandledRejection', listener)
    expect(unhandled).toEqual([])
  })

  it('is not made a response of, where it is the caller’s mistake', async () => {
    const api = createFetch({ giveUp: 'return', limits: '2/min', cost: () => 5 })
    await expect(api('https://a.example')).rejects.toMatchObject({ code: 'SLUICE_WAIT' })
    const wrong = createFetch({ giveUp: 'return', limits: '2/min', cost: () => Number.NaN })
    await expect(wrong('https://a.example')).rejects.toMatchObject({ code: 'SLUICE_COST' })
  })
})
