import { createClient, createFetch, dispatcher, type OutboundReport, watchOutbound } from '@sluice/client'
import DataLoader from 'dataloader'
import { Agent, interceptors, request, fetch as undiciFetch } from 'undici'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { inOrder, type Noted, noted } from './servers.ts'

let server: Noted
afterEach(() => server.stop())

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

describe('dispatcher()', () => {
  it('lets no more requests go out than its limits, also under Node’s own fetch', async () => {
    server = await noted(inOrder([200]))
    const layers = dispatcher({ limits: '5/s', pacing: false })
    const agent = new Agent().compose(layers)
    const began = performance.now()
    const texts = await Promise.all([
      ...Array.from({ length: 4 }, async () => (await request(server.url, { dispatcher: agent })).body.text()),
      ...Array.from({ length: 4 }, async () => (await undiciFetch(server.url, { dispatcher: agent })).text()),
      ...Array.from({ length: 4 }, async () => (await fetch(server.url, { dispatcher: agent } as RequestInit)).text()),
    ])
    expect(texts).toEqual(Array.from({ length: 12 }, () => 'ok'))
    expect(performance.now() - began).toBeGreaterThan(1_990)
    await agent.close()
  })

  it('holds requests at a gate, and retries nothing', async () => {
    server = await noted(inOrder([429, { 'retry-after-ms': '400' }], [200]))
    const layers = dispatcher()
    const agent = new Agent().compose(layers)
    const first = await request(server.url, { dispatcher: agent })
    expect([first.statusCode, await first.body.text()]).toEqual([429, 'ok'])
    expect(layers.state()).toMatchObject([{ key: server.url, gateClosedUntil: expect.any(Number) }])
    const second = await request(server.url, { dispatcher: agent })
    expect([second.statusCode, await second.body.text()]).toEqual([200, 'ok'])
    expect(server.gaps()[0]).toBeGreaterThanOrEqual(398)
    await agent.close()
  })

  it('frees a place when the body has ended, failed or been left', async () => {
    server = await noted((req, res) => {
      res.write('begun')
      if (req.url === '/break') setTimeout(() => res.destroy(), 10)
      else setTimeout(() => res.end(), 10)
    })
    const layers = dispatcher({ concurrency: 1 })
    const agent = new Agent().compose(layers)
    await (await request(server.url, { dispatcher: agent })).body.text()
    const { body } = await request(`${server.url}/break`, { dispatcher: agent })
    await expect(body.text()).rejects.toThrow()
    const left = await request(server.url, { dispatcher: agent })
    left.body.on('error', () => undefined).destroy()
    await (await request(server.url, { dispatcher: agent })).body.text()
    await sleep(20)
    expect(layers.state()).toMatchObject([{ inside: 0, queued: 0, calls: 0 }])
    await agent.close()
  })

  it('rejects at once what is aborted while it waits, and what its layers refuse', async () => {
    server = await noted(inOrder([429, { 'retry-after': '600' }]))
    const layers = dispatcher()
    const agent = new Agent().compose(layers)
    await (await request(server.url, { dispatcher: agent })).body.dump()
    await expect(request(server.url, { dispatcher: agent })).rejects.toMatchObject({ code: 'SLUICE_RETRY_AFTER' })
    await expect(fetch(server.url, { dispatcher: agent } as RequestInit)).rejects.toMatchObject({
      cause: { code: 'SLUICE_RETRY_AFTER' },
    })
    const paced = dispatcher({ limits: '1/min' })
    const other = new Agent().compose(paced)
    await (await request(server.url, { dispatcher: other })).body.dump()
    const controller = new AbortController()
    const waiting = request(`${server.url}/`, { dispatcher: other, signal: controller.signal })
    setTimeout(() => controller.abort(new Error('left')), 50)
    await expect(waiting).rejects.toThrow()
    expect(server.requests).toHaveLength(2)
    await Promise.all([agent.close(), other.close()])
  })
})

describe('createFetch over dispatcher()', () => {
  it('fails as the dispatcher refused, and tries nothing again', async () => {
    server = await noted(inOrder([429, { 'retry-after': '600' }]))
    const agent = new Agent().compose(dispatcher())
    const send: typeof fetch = (input, init) => fetch(input, { ...init, dispatcher: agent } as RequestInit)
    const api = createFetch({ gate: false, pacing: false, fetch: send, retry: { attempts: 2 } })
    await expect(api(server.url)).rejects.toMatchObject({ code: 'SLUICE_RETRY_AFTER' })
    for (let i = 0; i < 12; i++) await expect(api(server.url)).rejects.toMatchObject({ code: 'SLUICE_RETRY_AFTER' })
    expect(server.requests).toHaveLength(1)
    await agent.close()
  })
})

describe('a dispatched request that is refused', () => {
  it('is not sent later, and its handler is told once', async () => {
    server = await noted((_req, res) => void setTimeout(() => res.end('x'), 300))
    const agent = new Agent({ connections: 1 }).compose(dispatcher({ deadlineMs: 100 }))
    const busy = new Agent({ connections: 1 })
    const told: string[] = []
    const handler = {
      onRequestStart: () => void told.push('start'),
      onResponseStart: () => void told.push('response'),
      onResponseEnd: () => void told.push('end'),
      onResponseError: (_: unknown, error: Error) => void told.push(error.name),
    }
    const first = request(server.url, { dispatcher: agent }).catch((error) => error.name)
    agent.dispatch({ origin: server.url, path: '/second', method: 'GET' }, handler)
    expect(await first).toBe('DeadlineError')
    await sleep(500)
    expect(told).toEqual(['start', 'DeadlineError'])
    expect(server.requests.map(({ path }) => path)).not.toContain('/second')
    await busy.close()
    await agent.destroy()
  })

  it('is ended once, also where an interceptor puts its own abort in place of ours', async () => {
    server = await noted((_req, res) => void setTimeout(() => res.end('x'), 300))
    const agent = new Agent().compose(dispatcher({ attemptTimeoutMs: 100 }), interceptors.dump())
    const told: string[] = []
    agent.dispatch(
      { origin: server.url, path: '/', method: 'GET' },
      { onRequestStart: () => undefined, onResponseError: (_: unknown, error: Error) => void told.push(error.name) },
    )
    await sleep(500)
    expect(told).toEqual(['AttemptTimeoutError'])
    await agent.destroy()
  })

  it('leaves the queue when fetch is aborted, and takes nothing', async () => {
    server = await noted((_req, res) => void setTimeout(() => res.end('x'), 50))
    const layers = dispatcher({ concurrency: 1, limits: '2/min' })
    const agent = new Agent().compose(layers)
    const first = fetch(server.url, { dispatcher: agent } as RequestInit)
    const controller = new AbortController()
    const left = Array.from({ length: 3 }, () =>
      fetch(server.url, { dispatcher: agent, signal: controller.signal } as RequestInit).catch((error) => error.name),
    )
    await sleep(10)
    controller.abort()
    expect(await Promise.all(left)).toEqual(['AbortError', 'AbortError', 'AbortError'])
    await sleep(5)
    expect(layers.state()).toMatchObject([{ queued: 0 }])
    await (await first).text()
    expect(await (await fetch(server.url, { dispatcher: agent } as RequestInit)).text()).toBe('x')
    expect(server.requests).toHaveLength(2)
    await agent.close()
  })
})

describe('undici’s cache', () => {
  it('answers without a request, and without a unit of a limit, in front of the layers', async () => {
    server = await noted(inOrder([200, { 'cache-control': 'max-age=60' }, 'cached']))
    const layers = dispatcher({ limits: '1/min' })
    const agent = new Agent().compose(layers, interceptors.cache())
    const api = createFetch({ fetch: (input, init) => fetch(input, { ...init, dispatcher: agent } as RequestInit) })
    for (let i = 0; i < 5; i++) expect(await (await api(server.url)).text()).toBe('cached')
    expect(server.requests).toHaveLength(1)
    await agent.close()
  })

  it('drops an entry that a 304 renews with Cache-Control: a known fault of undici 7', async () => {
    server = await noted((req, res) => {
      const isFresh = req.headers['if-none-match'] === '"a"'
      res.writeHead(isFresh ? 304 : 200, { etag: '"a"', 'cache-control': 'no-cache' })
      res.end(isFresh ? undefined : 'x')
    })
    const agent = new Agent().compose(interceptors.cache())
    for (let i = 0; i < 4; i++) await (await fetch(server.url, { dispatcher: agent } as RequestInit)).text()
    // Full, conditional, full again: as the documentation says. When this fails, undici has mended it.
    expect(server.requests.map(({ headers }) => headers['if-none-match'] !== undefined)).toEqual([
      false,
      true,
      false,
      true,
    ])
    await agent.close()
  })
})

describe('dataloader', () => {
  it('joins what is asked for at the same time into one call', async () => {
    server = await noted((req, res) => {
      const ids = new URL(req.url ?? '', 'http://a').searchParams.get('ids')?.split(',') ?? []
      res.end(JSON.stringify(ids.map((id) => `user ${id}`)))
    })
    const api = createFetch()
    const users = new DataLoader<number, string>(
      async (ids) => (await api(`${server.url}/users?ids=${ids.join(',')}`)).json(),
      { cache: false, maxBatchSize: 100 },
    )
    expect(await Promise.all([1, 2, 3].map((id) => users.load(id)))).toEqual(['user 1', 'user 2', 'user 3'])
    expect(server.requests).toHaveLength(1)
  })
})

describe('watchOutbound()', () => {
  it('reports what servers say, whoever calls them, and changes nothing', async () => {
    server = await noted((req, res) => {
      if (req.url?.startsWith('/limited')) {
        res.setHeader('ratelimit', '"a";r=3;t=5')
        res.setHeader('ratelimit-policy', '"a";q=10;w=60')
      }
      if (req.url === '/denied') res.writeHead(429, { 'retry-after': '7' })
      res.end('ok')
    })
    const reports: OutboundReport[] = []
    const stop = watchOutbound((report) => reports.push(report))
    await (await fetch(`${server.url}/plain`)).text()
    await (await fetch(`${server.url}/limited?token=secret`)).text()
    await (await undiciFetch(`${server.url}/denied`)).text()
    stop()
    await (await fetch(`${server.url}/limited`)).text()
    expect(reports).toEqual([
      {
        origin: server.url,
        method: 'GET',
        path: '/limited',
        status: 200,
        limits: [expect.objectContaining({ name: 'a', limit: 10, remaining: 3 })],
        retryAt: null,
      },
      { origin: server.url, method: 'GET', path: '/denied', status: 429, limits: [], retryAt: expect.any(Number) },
    ])
  })

  it('is not harmed by a listener that throws', async () => {
    server = await noted(inOrder([429]))
    const warnings: unknown[] = []
    const emitWarning = vi.spyOn(process, 'emitWarning').mockImplementation((warning) => void warnings.push(warning))
    const stop = watchOutbound(() => {
      throw new Error('broken')
    })
    expect((await fetch(server.url)).status).toBe(429)
    stop()
    emitWarning.mockRestore()
    expect(warnings).toEqual(['A listener of watchOutbound() failed: broken'])
  })
})

describe('a client around undici’s request', () => {
  it('reads its responses', async () => {
    server = await noted(inOrder([503, { 'retry-after-ms': '200' }], [200]))
    const client = createClient()
    const { statusCode, body } = await client.execute(({ signal }) => request(server.url, { signal }), {
      key: server.url,
    })
    expect([statusCode, await body.text()]).toEqual([200, 'ok'])
    expect(server.gaps()[0]).toBeGreaterThanOrEqual(198)
  })
})
