import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createFetch } from '@sluice/client'
import { createLimiter } from '@sluice/core'
import { sluice } from '@sluice/express'
import express from 'express'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { startExample } from '../servers.ts'

const CALLS = 200
const RATE = '50/10s'

/** How long it takes whoever asks again at the very moment when one more passes. */
function leastMs(): number {
  vi.useFakeTimers({ now: 0 })
  const limiter = createLimiter({ policies: RATE })
  for (let passed = 0; passed < CALLS; ) {
    const { allowed, retryAfterMs } = limiter.consume('a')
    if (allowed) passed += 1
    else vi.advanceTimersByTime(retryAfterMs)
  }
  const ms = Date.now()
  vi.useRealTimers()
  return ms
}

const least = leastMs()

describe('two hundred calls to a server of ours that lets fifty pass in ten seconds', () => {
  const denied: Record<string, number> = {}
  const servers = ['draft', 'draft-7', 'draft-6', 'legacy'].map((dialect) => {
    const limit = sluice({ headers: [dialect as 'draft'] })
    limit.on('denied', () => {
      denied[dialect] = (denied[dialect] ?? 0) + 1
    })
    const app = express().use(limit(RATE, { name: 'api' }))
    app.get('/', (_req, res) => res.send('ok'))
    return [dialect, createServer(app)] as const
  })
  beforeAll(async () => {
    for (const [, server] of servers) await once(server.listen(0, '127.0.0.1'), 'listening')
  })
  afterAll(() => {
    for (const [, server] of servers) {
      server.closeAllConnections()
      server.close()
    }
  })

  it.concurrent.each(servers)(
    'are all answered, without a single denial and nearly as fast as can be, by its %s fields',
    async (dialect, server) => {
      const api = createFetch()
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
      const began = performance.now()
      const statuses = await Promise.all(
        Array.from({ length: CALLS }, async () => {
          const response = await api(url)
          await response.text()
          return response.status
        }),
      )
      const tookMs = performance.now() - began
      expect(statuses.every((status) => status === 200)).toBe(true)
      expect(denied[dialect] ?? 0).toBe(0)
      expect(tookMs).toBeLessThan(1.1 * least)
      expect(tookMs).toBeGreaterThan(0.9 * least)
    },
    90_000,
  )
})

describe.each(['express', 'koa', 'fastify'])('the example server in %s', (example) => {
  it('answers all of a burst to a route with two policies, and denies none', async () => {
    const server = await startExample({ title: example, example, module: example })
    const api = createFetch()
    const responses = await Promise.all(Array.from({ length: 25 }, () => api(`${server.url}/search`)))
    expect(responses.map(({ status }) => status)).toEqual(Array.from({ length: 25 }, () => 200))
    expect(responses.some(({ headers }) => headers.has('retry-after'))).toBe(false)
    expect(new Set(api.state()[0]?.limits.map(({ windowMs }) => windowMs))).toEqual(new Set([1_000, 86_400_000]))
    await server.stop()
  })
})
