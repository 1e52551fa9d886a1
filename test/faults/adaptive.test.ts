import { fork } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { adaptiveConcurrency, sluice } from '@sluice/express'
import express, { type RequestHandler } from 'express'
import { describe, expect, it } from 'vitest'
import { lognormal } from '../simulated-server.ts'

const WORKERS = 8
const SERVICE_MS = 40
const CAPACITY = (WORKERS * 1_000) / SERVICE_MS

interface Load {
  readonly perSecond: number
  readonly warmUpMs: number
  readonly forMs: number
}

interface Report {
  readonly perSecond: number
  readonly p99Ms: number
  readonly refused: number
  readonly refusedP99Ms: number
  readonly failures: number
}

describe('an adaptive limit in front of a real server', () => {
  // Again where something else had the machine meanwhile.
  it('at three times the capacity keeps throughput and latency, which grows eightfold without it', {
    retry: 2,
  }, async () => {
    const calm = await measure(undefined, { perSecond: CAPACITY / 3, warmUpMs: 200, forMs: 1_500 })
    const limit = sluice()(adaptiveConcurrency({ max: 1_000 }), { name: 'server', key: () => 'all' })
    const limited = await measure(limit, { perSecond: 3 * CAPACITY, warmUpMs: 1_500, forMs: 3_700 })
    // 2 and 0.9 on a quiet machine. A refusal does no work: what it takes is the delay of client and server themselves.
    expect(limited.p99Ms - limited.refusedP99Ms).toBeLessThan(2.5 * calm.p99Ms)
    expect(limited.perSecond).toBeGreaterThan(0.8 * CAPACITY)
    expect(limited.refused).toBeGreaterThan(limited.perSecond)
    expect(limited.failures).toBe(0)

    const unlimited = await measure(undefined, { perSecond: 3 * CAPACITY, warmUpMs: 1_500, forMs: 2_600 })
    expect(unlimited.p99Ms).toBeGreaterThan(8 * calm.p99Ms)
  })
})

async function measure(limit: RequestHandler | undefined, load: Load): Promise<Report> {
  const server = slowServer(limit).listen(0)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const generator = fileURLToPath(new URL('open-loop.mjs', import.meta.url))
  const [report] = await once(fork(generator, [JSON.stringify({ ...load, port })], { execArgv: [] }), 'message')
  server.close()
  server.closeAllConnections()
  return report
}

/** Eight workers behind one queue. */
function slowServer(limit: RequestHandler | undefined) {
  const waiting: (() => void)[] = []
  let busy = 0
  const serve = () => {
    const answer = busy < WORKERS ? waiting.shift() : undefined
    if (answer === undefined) return
    busy++
    setTimeout(() => {
      busy--
      answer()
      serve()
    }, SERVICE_MS * lognormal(Math.random, 0.5))
  }
  const app = express()
  if (limit !== undefined) app.use(limit)
  app.use((_request, response) => {
    waiting.push(() => response.end('done'))
    serve()
  })
  return createServer(app)
}
