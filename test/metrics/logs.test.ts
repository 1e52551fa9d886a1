import { once } from 'node:events'
import { createServer } from 'node:http'
import { Writable } from 'node:stream'
import { createLimiter, memoryStore } from '@sluice/core'
import { type SluiceOptions, sluice } from '@sluice/express'
import { type LogEntry, logDenials } from '@sluice/metrics'
import { quota } from '@sluice/quota'
import express, { type Request } from 'express'
import pino from 'pino'
import { afterEach, describe, expect, it, vi } from 'vitest'
import winston from 'winston'

const ends: (() => unknown)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

/** What a logger has written, line by line. */
function lines() {
  const written: Record<string, unknown>[] = []
  const stream = new Writable({
    write(chunk, _encoding, done) {
      for (const line of String(chunk).trim().split('\n')) written.push(JSON.parse(line))
      done()
    },
  })
  return { written, stream }
}

const TRACE = '0af7651916cd43dd8448eb211c80319c'

describe('a denial', () => {
  it('is one line of pino, with the route, the ids of the request and its trace, and a hashed key', async () => {
    const { written, stream } = lines()
    const limit = sluice()
    ends.push(logDenials(limit, pino(stream)))
    const app = express()
    const router = express.Router()
    router.get('/users/:id', limit('1/min', { name: 'users' }), (_req, res) => void res.end('ok'))
    app.use('/v1', router)
    const server = createServer(app).listen(0)
    await once(server, 'listening')
    ends.push(() => server.close())
    const url = `http://127.0.0.1:${(server.address() as { port: number }).port}/v1/users/7?secret=s3cret`
    const headers = { 'x-request-id': 'req-1', traceparent: `00-${TRACE}-b7ad6b7169203331-01` }
    await fetch(url)
    for (let i = 0; i < 4; i++) await fetch(url, { headers })
    expect(written).toHaveLength(1)
    expect(written[0]).toMatchObject({
      level: 40,
      msg: 'users denied a request.',
      event: 'sluice.denied',
      limit: 'users',
      policy: 'users',
      result: 'limited',
      reason: 'rate',
      quota: 1,
      used: 1,
      key: expect.stringMatching(/^[\w+/=]{16}$/),
      route: 'GET /v1/users/:id',
      requestId: 'req-1',
      traceId: TRACE,
    })
    expect(written[0]?.['retryAfterMs']).toBeGreaterThan(50_000)
    expect(JSON.stringify(written)).not.toMatch(/127\.0\.0\.1|s3cret/)
  })

  it('is written by winston and by console as JSON, and given to a function as it is', () => {
    const limiter = createLimiter({ name: 'jobs', policies: '1/min' })
    const { written, stream } = lines()
    const logger = winston.createLogger({ transports: [new winston.transports.Stream({ stream })] })
    const entries: LogEntry[] = []
    const said = vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    ends.push(
      logDenials(limiter, logger, { key: 'plain' }),
      logDenials(limiter, console),
      logDenials(limiter, (entry) => entries.push(entry), { keySecret: 'only ours' }),
    )
    limiter.consume('a')
    limiter.consume('a')
    expect(written).toMatchObject([{ level: 'warn', event: 'sluice.denied', limit: 'jobs', key: 'a' }])
    expect(JSON.parse(said.mock.calls[0]?.[0])).toMatchObject({ level: 'warn', event: 'sluice.denied', limit: 'jobs' })
    said.mockRestore()
    expect(entries).toMatchObject([{ level: 'warn', event: 'sluice.denied', limit: 'jobs' }])
    const hashed = JSON.parse(JSON.stringify(entries[0]))
    expect(hashed.key).not.toBe('a')
  })

  it('is counted where it is not written, and said when the log is closed', () => {
    const limiter = createLimiter({ name: 'jobs', policies: '1/min' })
    const entries: LogEntry[] = []
    const stop = logDenials(limiter, (entry) => entries.push(entry))
    for (let i = 0; i < 10; i++) limiter.consume('a')
    stop()
    expect(entries.map((entry) => entry['suppressed'])).toEqual([undefined, 8])
    limiter.consume('a')
    expect(entries).toHaveLength(2)
  })

  it('of a shadow policy is said as such', () => {
    const limiter = createLimiter({ name: 'soft', policies: quota('1/day', { overage: 3 }), warnAt: 1 })
    const entries: LogEntry[] = []
    ends.push(logDenials(limiter, (entry) => entries.push(entry)))
    limiter.consume('a')
    expect(entries).toMatchObject([
      { level: 'warn', event: 'sluice.warning', policy: 'soft', share: 1, used: 1, quota: 1 },
    ])
  })
})

describe('what else happens', () => {
  it('is one line each: degraded, recovered, banned', async () => {
    let isDown = false
    const memory = memoryStore()
    const store = {
      ...memory,
      consume: (asks: Parameters<typeof memory.consume>[0]) =>
        isDown ? Promise.reject(new Error('connection refused')) : Promise.resolve(memory.consume(asks)),
      peek: memory.peek.bind(memory),
      refund: memory.refund.bind(memory),
      reset: memory.reset.bind(memory),
      readTexts: memory.readTexts.bind(memory),
      writeText: memory.writeText.bind(memory),
      consumeOnce: memory.consumeOnce.bind(memory),
      edit: memory.edit.bind(memory),
      renew: memory.renew.bind(memory),
      clear: memory.clear.bind(memory),
      close: memory.close.bind(memory),
    }
    const ban = { after: 2, within: '1min', for: '1h' } as const
    const limiter = createLimiter({ name: 'api', policies: '1/min', store, ban })
    ends.push(() => limiter.close())
    const entries: LogEntry[] = []
    ends.push(logDenials(limiter, (entry) => entries.push(entry)))
    for (let i = 0; i < 3; i++) await limiter.consume('a')
    await expect.poll(() => entries.map(({ event }) => event)).toContain('sluice.banned')
    isDown = true
    await limiter.consume('b')
    isDown = false
    await expect.poll(() => entries.map(({ event }) => event), { timeout: 10_000 }).toContain('sluice.recovered')
    const other = entries.filter(({ event }) => event !== 'sluice.denied')
    expect(other).toMatchObject([
      { level: 'warn', event: 'sluice.banned', limit: 'api', times: 1 },
      { level: 'error', event: 'sluice.degraded', message: expect.stringContaining('connection refused') },
      { level: 'info', event: 'sluice.recovered', afterMs: expect.any(Number) },
    ])
  })
})

describe('a configuration that is reloaded', () => {
  it('is one line, and none where the new one cannot be right', () => {
    let apply: (next: SluiceOptions<Request>) => void = () => undefined
    const watch = (next: typeof apply): (() => void) => {
      apply = next
      return () => undefined
    }
    const limit = sluice({ limits: { login: '5/min' }, watch })
    const entries: LogEntry[] = []
    ends.push(logDenials(limit, (entry) => entries.push(entry)))
    apply({ limits: { login: '8/min', api: '1/s' } })
    expect(() => apply({ limits: { login: '8/mintue' as never } })).toThrow('mintue')
    expect(entries).toMatchObject([{ level: 'info', event: 'sluice.reloaded', limits: ['login', 'api'] }])
  })
})

describe('what cannot be right', () => {
  it('is an error at once, and a logger that throws or rejects harms nobody', async () => {
    const limiter = createLimiter({ name: 'jobs', policies: '1/min' })
    expect(() => logDenials(limiter, {} as never)).toThrow(
      'logDenials(): expected a logger of pino or winston, console, or a function, got an object.',
    )
    expect(() => logDenials({}, console)).toThrow('expected the limit that sluice() returned')
    expect(() => logDenials(limiter, console, { perKey: 'often' as never })).toThrow('perKey: expected a time such as')
    expect(() => logDenials(limiter, console, { key: 'short' as never })).toThrow("key: expected 'hashed' or 'plain'")
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
    ends.push(
      () => warned.mockRestore(),
      logDenials(limiter, () => {
        throw undefined
      }),
      logDenials(limiter, () => Promise.reject(new Error('disk full'))),
      logDenials(limiter, () => undefined, {
        requestId: () => {
          throw new Error('no id')
        },
      }),
    )
    limiter.on('error', () => undefined)
    limiter.consume('a')
    expect(limiter.consume('a').allowed).toBe(false)
    await expect
      .poll(() => warned.mock.calls.map(([sentence]) => sentence))
      .toEqual([
        ...['undefined', 'no id', 'disk full'].map(
          (why) => `The logger of logDenials(), or a function of its options, failed: ${why}`,
        ),
      ])
  })
})
