import { once } from 'node:events'
import { createServer } from 'node:http'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { createFetch } from '@sluice/client'
import got from 'got'
import ky from 'ky'
import pRetry from 'p-retry'
import { Agent, RetryAgent, request } from 'undici'
import { inTurns, median } from './measure.js'

const CALLS = 2_000
const AT_ONCE = 20
const ROUNDS = 15

const FIELDS = { ratelimit: '"default";r=999999;t=60', 'ratelimit-policy': '"default";q=1000000;w=60' }

/**
 * Microseconds a call, twenty at a time over connections that are kept alive, to a server in a thread of its own; each answer is read
 * as text.
 */
export async function client() {
  const rows = []
  const all = contenders()
  for (const [answer, headers] of Object.entries({ 'plain answers': {}, 'answers with RateLimit fields': FIELDS })) {
    const server = new Worker(new URL(import.meta.url), { workerData: { headers } })
    const [port] = await once(server, 'message')
    const url = `http://127.0.0.1:${port}/`
    await inTurns(all, 3, (call) => timed(call, url))
    const seen = await inTurns(all, ROUNDS, (call) => timed(call, url))
    await server.terminate()
    for (const name of Object.keys(all)) {
      const ratios = seen[name].map((micros, round) => micros / seen['fetch, bare'][round])
      rows.push({
        answer,
        what: name,
        'µs a call': Number(median(seen[name]).toFixed(1)),
        'of bare fetch': Number(median(ratios).toFixed(3)),
        'µs more': Number(median(seen[name].map((micros, round) => micros - seen['fetch, bare'][round])).toFixed(1)),
      })
    }
  }
  return rows
}

function contenders() {
  const defaults = createFetch()
  const everything = createFetch({
    deadlineMs: 30_000,
    attemptTimeoutMs: 10_000,
    hedgeAfterMs: 5_000,
    throttle: true,
    concurrency: 100,
    limits: '1000M/min',
    coalesce: true,
  })
  const agent = new Agent()
  const retrying = new RetryAgent(agent)
  return {
    'fetch, bare': async (url) => (await fetch(url)).text(),
    'fetch, with a signal': async (url) => (await fetch(url, { signal: new AbortController().signal })).text(),
    'sluice, defaults': async (url) => (await defaults(url)).text(),
    'sluice, everything': async (url) => (await everything(url)).text(),
    'p-retry around fetch': (url) => pRetry(async () => (await fetch(url)).text()),
    ky: (url) => ky.get(url, { timeout: false }).text(),
    'ky, its timeout of 10 s': (url) => ky.get(url).text(),
    got: (url) => got(url).text(),
    'undici request, bare': async (url) => (await request(url, { dispatcher: agent })).body.text(),
    'undici request, RetryAgent': async (url) => (await request(url, { dispatcher: retrying })).body.text(),
  }
}

/** Each to a URL of its own, so that nothing is coalesced. */
async function timed(call, url) {
  const began = process.hrtime.bigint()
  await Promise.all(
    Array.from({ length: AT_ONCE }, async (_, client) => {
      for (let i = 0; i < CALLS / AT_ONCE; i++) await call(`${url}?${client}-${i}`)
    }),
  )
  return Number(process.hrtime.bigint() - began) / 1_000 / CALLS
}

if (!isMainThread) {
  const { headers } = workerData
  const server = createServer((_req, res) => {
    res.writeHead(200, headers)
    res.end('{"ok":true}')
  })
  server.keepAliveTimeout = 600_000
  server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port))
}
