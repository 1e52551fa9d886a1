// A server process of the fault tests: limits over the store that its parent names, and tells what its clients saw.
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { createLimiter, fixedWindow, leakyBucket, slidingLog, slidingWindow, tokenBucket } from '@sluice/core'
import { quota } from '@sluice/quota'
import { redisStore } from '@sluice/redis'

const constructors = { fixedWindow, slidingWindow, slidingLog, tokenBucket, leakyBucket, quota }
const {
  url,
  prefix,
  rememberDenials = true,
  policies,
  timeoutMs = 200,
  onStoreError = 'local',
  clockAheadMs = 0,
  warnAt,
} = JSON.parse(process.argv[2])

const [wall, monotonic] = [Date.now, performance.now.bind(performance)]
Date.now = () => wall() + clockAheadMs
performance.now = () => monotonic() + clockAheadMs

const limiter = createLimiter({
  policies: policies.map(([kind, text, options]) => constructors[kind](text, options)),
  store: redisStore(url, { prefix, rememberDenials }),
  timeoutMs,
  onStoreError,
  warnAt,
})
const events = []
limiter.on('degraded', ({ error }) => events.push(`degraded: ${error.message}`))
limiter.on('recovered', () => events.push('recovered'))
const crossings = []
limiter.on('warning', ({ share }) => crossings.push(share))
limiter.on('error', ({ error }) => events.push(`error: ${error.message}`))

const tasks = {
  /** All at once. */
  async crowd({ key, count, cost = 1 }) {
    const decisions = await Promise.all(Array.from({ length: count }, () => limiter.consume(key, { cost })))
    return {
      allowed: decisions.filter(({ allowed }) => allowed).length,
      degraded: decisions.filter(({ degraded }) => degraded).length,
      remaining: decisions.at(-1)?.standings.map(({ remaining }) => remaining),
    }
  },

  /** So many clients, one request after the other each, for so long. */
  async load({ ms, clients, keys }) {
    const seen = {
      decisions: 0,
      allowed: 0,
      degraded: 0,
      failures: [],
      slowestMs: 0,
      longestStallMs: 0,
      lastDegraded: null,
    }
    const delay = monitorEventLoopDelay({ resolution: 10 })
    delay.enable()
    const until = performance.now() + ms
    const client = async (_, number) => {
      for (let turn = 0; performance.now() < until; turn++) {
        const began = performance.now()
        try {
          const { allowed, degraded } = await limiter.consume(`key-${(turn * clients + number) % keys}`)
          seen.decisions += 1
          if (allowed) seen.allowed += 1
          if (degraded) seen.degraded += 1
          seen.lastDegraded = degraded
        } catch (error) {
          seen.failures.push(String(error))
        }
        seen.slowestMs = Math.max(seen.slowestMs, performance.now() - began)
        // A client that is answered at once still needs a moment to ask again.
        await new Promise((resolve) => setTimeout(resolve, 1))
      }
    }
    await Promise.all(Array.from({ length: clients }, client))
    delay.disable()
    return { ...seen, longestStallMs: delay.max / 1e6, events: events.splice(0) }
  },

  /** Each id so many times, all at once: how many were counted, and what all were told remains. */
  async deliver({ key, ids, times, cost = 1 }) {
    const all = Array.from({ length: times }, () => ids).flat()
    const decisions = await Promise.all(all.map((id) => limiter.consume(key, { id, cost })))
    return {
      counted: decisions.filter(({ repeated }) => !repeated).length,
      answers: Object.fromEntries(all.map((id, i) => [id, decisions[i].standings[0].remaining])),
    }
  },

  crossings: () => crossings,
  usage: ({ key }) => limiter.usage(key),
  override: ({ key, to }) => limiter.override(key, to ?? undefined),

  /** Asks for the key again and again until it is decided otherwise, and tells how long that took. */
  async untilAllowed({ key, allowed, waitMs }) {
    const began = performance.now()
    while ((await limiter.peek(key)).allowed !== allowed) {
      if (performance.now() - began > 5_000) throw new Error('not in five seconds')
      await new Promise((resolve) => setTimeout(resolve, waitMs))
    }
    return performance.now() - began
  },

  events: () => events.splice(0),
}

process.on('message', async ({ id, task, ...asked }) => {
  try {
    process.send({ id, result: await tasks[task](asked) })
  } catch (error) {
    process.send({ id, error: String(error) })
  }
})
process.send('ready')
