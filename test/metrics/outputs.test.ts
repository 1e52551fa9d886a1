import { execFileSync, fork } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { fileURLToPath } from 'node:url'
import { context, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import {
  AggregationTemporality,
  DataPointType,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'
import { createFetch } from '@sluice/client'
import { concurrency, createLimiter } from '@sluice/core'
import { sluice as forExpress } from '@sluice/express'
import { sluice as forFastify } from '@sluice/fastify'
import { sluice as forKoa } from '@sluice/koa'
import { createMetrics, METRICS } from '@sluice/metrics'
import express from 'express'
import fastify from 'fastify'
import Koa from 'koa'
import { AggregatorRegistry, Registry } from 'prom-client'
import { afterEach, describe, expect, inject, it } from 'vitest'

const ends: (() => unknown)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

/** Serves an app of any framework on a free port. */
async function serving(listener: Parameters<typeof createServer>[1]): Promise<string> {
  const server = createServer(listener).listen(0)
  await once(server, 'listening')
  ends.push(() => new Promise((resolve) => server.close(resolve)))
  const { port } = server.address() as { port: number }
  return `http://127.0.0.1:${port}`
}

const promtool = (text: string): string =>
  execFileSync('promtool', ['check', 'metrics'], { input: text, encoding: 'utf8', stdio: ['pipe', 'pipe', 'pipe'] })

/** What scrapes see. */
async function scraped(url: string): Promise<string> {
  const response = await fetch(`${url}/metrics`)
  expect(response.status).toBe(200)
  expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
  return response.text()
}

const counted = (text: string, labels: string): number =>
  Number(new RegExp(`^sluice_rate_limiting_requests_total\\{${labels}\\} (\\d+)$`, 'm').exec(text)?.[1] ?? 0)

const ALLOWED = 'limit="api",policy="",result="allowed",reason=""'
const LIMITED = 'limit="api",policy="api",result="limited",reason="rate"'

describe('the handler', () => {
  it('answers scrapes in Express with a text that promtool finds no fault with', async () => {
    const limit = forExpress()
    const metrics = createMetrics(limit)
    const app = express()
    app.get('/metrics', metrics.express)
    app.get('/', limit('2/min', { name: 'api', skip: (req) => req.get('x-skip') !== undefined }), (_req, res) => {
      res.end('ok')
    })
    const url = await serving(app)
    for (let i = 0; i < 3; i++) await fetch(url)
    await fetch(url, { headers: { 'x-skip': '1' } })
    const text = await scraped(url)
    expect([counted(text, ALLOWED), counted(text, LIMITED)]).toEqual([2, 1])
    expect(counted(text, 'limit="api",policy="",result="skipped",reason=""')).toBe(1)
    expect(promtool(text)).toBe('')
  })

  it('answers scrapes in Koa', async () => {
    const limit = forKoa()
    const metrics = createMetrics(limit)
    const app = new Koa()
    const limited = limit('2/min', { name: 'api' })
    app.use((ctx, next) => (ctx.path === '/metrics' ? metrics.koa(ctx) : limited(ctx, next)))
    const url = await serving(app.callback())
    for (let i = 0; i < 3; i++) await fetch(url)
    const text = await scraped(url)
    expect([counted(text, ALLOWED), counted(text, LIMITED)]).toEqual([2, 1])
  })

  it('answers scrapes in Fastify', async () => {
    const limit = forFastify()
    const metrics = createMetrics(limit)
    const app = fastify()
    app.get('/metrics', metrics.fastify)
    app.get('/', { onRequest: limit('2/min', { name: 'api' }) }, async () => 'ok')
    const url = await app.listen({ port: 0 })
    ends.push(() => app.close())
    for (let i = 0; i < 3; i++) await fetch(url)
    const text = await scraped(url)
    expect([counted(text, ALLOWED), counted(text, LIMITED)]).toEqual([2, 1])
  })
})

describe('clients that wait and leave', () => {
  it('are counted as canceled, and their slots as they are held', async () => {
    const limit = forExpress()
    const metrics = createMetrics(limit)
    const app = express()
    let release: () => void = () => undefined
    app.get('/', limit(concurrency(1, { queue: { size: 5 } }), { name: 'api' }), (_req, res) => {
      release = () => res.end('ok')
    })
    const url = await serving(app)
    const first = fetch(url)
    await expect.poll(() => metrics.text()).toContain('active_request_leases{policy="api"} 1')
    const leaving = new AbortController()
    const second = fetch(url, { signal: leaving.signal })
    await expect.poll(() => metrics.text()).toContain('queued_requests{policy="api"} 1')
    leaving.abort()
    await expect(second).rejects.toThrow()
    await expect.poll(() => counted(metrics.text(), 'limit="api",policy="",result="canceled",reason=""')).toBe(1)
    release()
    await (await first).text()
    await expect.poll(() => metrics.text()).toMatch(/request_lease_duration_seconds_count\{.*\} 1\n/)
    expect(metrics.text()).toContain('time_in_queue_seconds_count{limit="api",policy="api",result="canceled"} 1')
  })
})

describe('a store on a server', () => {
  it('shows its round trips, their times, and denials that cost none', async () => {
    const url = inject('redisUrl')
    const limiter = createLimiter({ name: `seen-${process.pid}`, policies: '1/min', store: url })
    ends.push(() => limiter.close())
    const metrics = createMetrics(limiter)
    for (let i = 0; i < 5; i++) await limiter.consume('a')
    const text = metrics.text()
    expect(text).toMatch(/sluice_store_operation_duration_seconds_count\{store="redis:.*",operation="consume"\} 2\n/)
    expect(text).toMatch(/sluice_store_remembered_denials_total\{store="redis:.*"\} 3\n/)
    expect(text).toMatch(/sluice_store_round_trips_total\{store="redis:.*"\} [2-4]\n/)
    expect(text).toMatch(/sluice_store_degraded\{store="redis:.*"\} 0\n/)
    expect(promtool(text)).toBe('')
  })
})

describe('a client', () => {
  it('shows what it sent, retried and waited for, and its breakers', async () => {
    let calls = 0
    const url = await serving((_req, res) => {
      calls += 1
      res.statusCode = calls === 1 ? 429 : calls < 4 ? 200 : 500
      if (calls === 1) res.setHeader('Retry-After', '1')
      res.end()
    })
    const api = createFetch({ breaker: { leastCalls: 3, calls: 3, share: 0.5 } })
    ends.push(() => api.close())
    const metrics = createMetrics(api)
    expect((await api(url)).status).toBe(200)
    expect((await api(url)).status).toBe(200)
    for (let i = 0; i < 4; i++) await api(url, { method: 'POST' }).catch(() => undefined)
    const text = metrics.text()
    expect(text).toContain(`sluice_client_requests_total{peer="${url}",result="limited"} 1`)
    expect(text).toContain(`sluice_client_requests_total{peer="${url}",result="ok"} 2`)
    expect(text).toMatch(/sluice_client_requests_total\{peer=".*",result="failed"\} [1-4]\n/)
    expect(text).toContain(`sluice_client_retries_total{peer="${url}"} 1`)
    expect(text).toContain(`sluice_client_breaker_state{peer="${url}"} 2`)
    expect(promtool(text)).toBe('')
  })
})

describe('prom-client', () => {
  it('has everything in its registry, beside what an app counts itself', async () => {
    const limiter = createLimiter({ name: 'api', policies: '2/min' })
    const metrics = createMetrics(limiter)
    const registry = new Registry()
    const remove = metrics.register(registry)
    for (let i = 0; i < 3; i++) limiter.consume('a')
    const text = await registry.metrics()
    expect([counted(text, ALLOWED), counted(text, LIMITED)]).toEqual([2, 1])
    expect(text).toContain(
      'sluice_rate_limiting_utilization_ratio_bucket{le="0.5",limit="api",policy="api",unit="requests"} 1',
    )
    expect(promtool(text)).toBe('')
    expect(
      await AggregatorRegistry.aggregate([
        await registry.getMetricsAsJSON(),
        await registry.getMetricsAsJSON(),
      ]).metrics(),
    ).toContain(`sluice_rate_limiting_requests_total{${ALLOWED}} 4`)
    limiter.consume('a')
    expect(counted(await registry.metrics(), LIMITED)).toBe(2)
    remove()
    expect(await registry.metrics()).not.toContain('sluice')
  })
})

describe('OpenTelemetry', () => {
  it('exports counters, gauges and histograms through the real SDK', async () => {
    const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
    const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 })
    const provider = new MeterProvider({ readers: [reader] })
    ends.push(() => provider.shutdown())
    const limiter = createLimiter({ name: 'api', policies: '2/min' })
    const metrics = createMetrics(limiter)
    const stop = metrics.openTelemetry({ meter: provider.getMeter('sluice') })
    for (let i = 0; i < 3; i++) limiter.consume('a')
    await reader.forceFlush()
    const exported = exporter.getMetrics()[0]?.scopeMetrics[0]?.metrics ?? []
    const points = (name: string) => exported.find(({ descriptor }) => descriptor.name === name)?.dataPoints ?? []
    expect(
      points('sluice.rate_limiting.requests').map(({ attributes, value }) => [attributes['result'], value]),
    ).toEqual([
      ['allowed', 2],
      ['limited', 1],
    ])
    expect(points('sluice.rate_limiting.limit')).toMatchObject([{ value: 2, attributes: { policy: 'api' } }])
    expect(points('sluice.rate_limiting.utilization')).toMatchObject([{ value: { count: 3, sum: 2.5 } }])
    const histogram = exported.find(({ descriptor }) => descriptor.name === 'sluice.rate_limiting.utilization')
    expect(histogram?.dataPointType).toBe(DataPointType.HISTOGRAM)
    expect(histogram?.dataPoints[0]?.value).toMatchObject({ buckets: { boundaries: METRICS.utilization.buckets } })
    stop()
    limiter.consume('a')
    expect(metrics.text()).toContain(`sluice_rate_limiting_requests_total{${LIMITED}} 2`)
  })

  it('says on the active span of a request what was decided', async () => {
    const spans = new InMemorySpanExporter()
    const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] })
    trace.setGlobalTracerProvider(provider)
    const manager = new AsyncLocalStorageContextManager().enable()
    context.setGlobalContextManager(manager)
    ends.push(() => {
      trace.disable()
      context.disable()
    })
    const store = inject('redisUrl')
    const limiter = createLimiter({ name: `spans-${process.pid}`, policies: '1/min', store })
    ends.push(() => limiter.close())
    const metrics = createMetrics(limiter)
    metrics.openTelemetry({ trace })
    const tracer = provider.getTracer('test')
    const handled = (name: string): Promise<void> =>
      tracer.startActiveSpan(name, async (span) => {
        await limiter.consume('a')
        span.end()
      })
    // In one batch: each answer belongs to its own request.
    await Promise.all([handled('first'), handled('second')])
    const policy = `spans-${process.pid}`
    const seen = spans.getFinishedSpans().map(({ name, attributes }) => [name, attributes])
    expect(Object.fromEntries(seen)).toMatchObject({
      first: { 'sluice.policy': policy, 'sluice.result': 'allowed', 'sluice.remaining': 0 },
      second: { 'sluice.policy': policy, 'sluice.result': 'limited', 'sluice.retry_after': expect.any(Number) },
    })
  })
})

describe('three processes', () => {
  it('add up to what they did together', async () => {
    const script = fileURLToPath(new URL('a-server.mjs', import.meta.url))
    const name = `fleet-${process.pid}`
    const urls = await Promise.all(
      Array.from({ length: 3 }, async () => {
        const child = fork(script, [inject('redisUrl'), name], { stdio: 'inherit' })
        ends.push(() => child.kill())
        const [url] = (await once(child, 'message')) as [string]
        return url
      }),
    )
    const answers = await Promise.all(Array.from({ length: 60 }, (_, i) => fetch(urls[i % 3] ?? '')))
    const statuses = answers.map(({ status }) => status)
    expect(statuses.filter((status) => status === 200)).toHaveLength(25)
    const texts = await Promise.all(urls.map((url) => scraped(url)))
    const sum = (labels: string): number => texts.reduce((all, text) => all + counted(text, labels), 0)
    expect(sum(`limit="${name}",policy="",result="allowed",reason=""`)).toBe(25)
    expect(sum(`limit="${name}",policy="${name}",result="limited",reason="rate"`)).toBe(35)
  })
})
