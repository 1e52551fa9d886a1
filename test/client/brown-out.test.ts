import { createFetch } from '@sluice/client'
import { describe, expect, it } from 'vitest'
import { noted } from './servers.ts'

const CLIENTS = 100
/** Between a client's calls. */
const THINK_MS = 500
const HEALTHY = 240
const BROWN = 12
const [BROWN_FROM_MS, BROWN_TO_MS, END_MS] = [1_000, 3_000, 7_000]

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

interface Seen {
  /** The most requests in a tenth of a second. */
  readonly peak: number
  /** Requests in all. */
  readonly requests: number
  /** Milliseconds after the brown-out until no request is turned away any more. */
  readonly recoveredMs: number
  readonly succeeded: number
}

/** A server that can answer so many requests a second, and for two seconds a twentieth of that: others get a 503. */
async function brownOut(
  callerOf: (client: number) => (url: string) => Promise<{ readonly ok: boolean }>,
): Promise<Seen> {
  const began = performance.now()
  const now = () => performance.now() - began
  const loads = new Map<number, number>()
  let [tokens, at, lastDenial, succeeded] = [0, 0, 0, 0]
  const server = await noted((_req, res) => {
    const ms = now()
    const rate = ms > BROWN_FROM_MS && ms < BROWN_TO_MS ? BROWN : HEALTHY
    tokens = Math.min(rate / 10, tokens + ((ms - at) * rate) / 1_000)
    at = ms
    const tenth = Math.floor(ms / 100)
    loads.set(tenth, (loads.get(tenth) ?? 0) + 1)
    if (tokens >= 1) {
      tokens -= 1
      res.end('ok')
    } else {
      if (ms > BROWN_FROM_MS) lastDenial = ms
      res.writeHead(503, { 'retry-after': '1' })
      res.end()
    }
  })
  const client = async (number: number): Promise<void> => {
    const call = callerOf(number)
    await sleep(Math.random() * THINK_MS)
    while (now() < END_MS) {
      const response = await call(server.url).catch(() => ({ ok: false }))
      if (response.ok) succeeded += 1
      await sleep(THINK_MS)
    }
  }
  await Promise.all(Array.from({ length: CLIENTS }, (_, number) => client(number)))
  const seen = {
    peak: Math.max(...loads.values()),
    requests: server.requests.length,
    recoveredMs: Math.round(Math.max(0, lastDenial - BROWN_TO_MS)),
    succeeded,
  }
  server.stop()
  return seen
}

/** What many programs do: three more attempts, a tenth of a second apart. */
async function insisting(url: string): Promise<Response> {
  for (let attempt = 1; ; attempt++) {
    const response = await fetch(url)
    await response.text()
    if (response.ok || attempt === 4) return response
    await sleep(100)
  }
}

describe('a hundred clients in front of a server that can do a twentieth for two seconds', () => {
  it('spare it with gate, jitter and budget, where insisting ones keep it down', async () => {
    const without = await brownOut(() => insisting)
    const withAll = await brownOut(() => {
      const api = createFetch({ deadlineMs: 5_000 })
      return async (url) => {
        const response = await api(url)
        await response.text()
        return response
      }
    })
    const shown = ({ peak, requests, recoveredMs, succeeded }: Seen): string =>
      `at most ${peak} requests in 100 ms, ${requests} in all, ${succeeded} answered, recovered after ${recoveredMs} ms`
    process.stdout.write(`Brown-out without gate, jitter and budget: ${shown(without)}\n`)
    process.stdout.write(`Brown-out with gate, jitter and budget:    ${shown(withAll)}\n`)
    expect(withAll.peak).toBeLessThan(without.peak)
    expect(withAll.requests).toBeLessThan(0.8 * without.requests)
    expect(withAll.recoveredMs).toBeLessThan(1_500)
    expect(withAll.recoveredMs).toBeLessThanOrEqual(without.recoveredMs + 200)
  })
})
