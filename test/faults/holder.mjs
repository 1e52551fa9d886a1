// A process that holds slots: does what its parent asks of it, over the Redis that its parent names.
import { setTimeout as sleep } from 'node:timers/promises'
import { concurrency, createLimiter } from '@sluice/core'
import { redisStore } from '@sluice/redis'
import { Redis } from 'ioredis'

const { url, prefix, slots, leaseMs, timeoutMs, log } = JSON.parse(process.argv[2])

const limiter = createLimiter({
  policies: concurrency(slots, { leaseMs }),
  store: redisStore(url, { prefix }),
  timeoutMs,
  onStoreError: 'deny',
})
const events = []
limiter.on('degraded', ({ error }) => events.push(`degraded: ${error.message}`))
limiter.on('recovered', () => undefined)
limiter.on('lost', ({ key }) => events.push(`lost: ${key}`))
limiter.on('error', ({ error }) => events.push(`error: ${error.message}`))

const notes = log === undefined ? undefined : new Redis(url)
let jobs = 0

/** Written down while the slot is held: an entry's id is the server's time. */
const note = (job, what, at) => notes.xadd(log, '*', 'job', `${process.pid}-${job}`, 'what', what, 'at', at)

async function work({ standings: [{ at }] }, end) {
  const job = jobs++
  await note(job, 'start', at)
  await end()
  await note(job, 'end', at)
}

const held = []
let isStopped = false

const tasks = {
  /** So many workers, one job after the other each, until they are stopped. */
  async jobs({ key, workers }) {
    const worker = async () => {
      while (!isStopped) {
        await limiter.run(key, (decision) => work(decision, () => sleep(5 + Math.random() * 25)))
      }
    }
    await Promise.all(Array.from({ length: workers }, worker))
    return jobs
  },

  /** A job that never ends. */
  hang: ({ key }) =>
    new Promise((resolve) => {
      limiter.run(key, (decision) => work(decision, () => new Promise(() => resolve(true))))
    }),

  stop: () => {
    isStopped = true
    return true
  },

  async hold({ key, count }) {
    for (let i = 0; i < count; i++) held.push(await limiter.wait(key))
    return held.length
  },

  async letGo() {
    await Promise.all(held.splice(0).map((decision) => limiter.release(decision)))
    return true
  },

  /** Asks once, and says how long the answer took. */
  async attempt({ key }) {
    const began = performance.now()
    const decision = await limiter.consume(key)
    if (decision.allowed) held.push(decision)
    return { allowed: decision.allowed, degraded: decision.degraded, ms: performance.now() - began }
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
