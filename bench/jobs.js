import { concurrency, createLimiter } from '@sluice/core'
import Bottleneck from 'bottleneck'
import PQueue from 'p-queue'
import { inTurns, median } from './measure.js'

const JOBS = 10_000
const ROUNDS = 15

/** Bottleneck waits for a timer of at least a millisecond several times in each job: a round of it takes half a minute. */
const ROUNDS_OF_BOTTLENECK = 3

const MINUTE = 60_000
const PLENTY = 10 ** 9

/**
 * Microseconds a job: 10,000 are handed over at once, ten run at a time, and each returns at once. In the second part a
 * rate that never denies is counted as well.
 */
export async function jobs() {
  const rows = []
  for (const [limits, { fast, slow }] of Object.entries(contenders)) {
    await inTurns(fast, 3, timed)
    const seen = await inTurns(fast, ROUNDS, timed)
    const alternately = { 'p-queue, add': fast['p-queue, add'], ...slow }
    const seenSlow = await inTurns(alternately, ROUNDS_OF_BOTTLENECK, timed)
    for (const name of Object.keys(fast)) rows.push(row(limits, name, seen))
    for (const name of Object.keys(slow)) rows.push(row(limits, name, seenSlow))
  }
  return rows
}

function row(limits, what, seen) {
  const ratios = seen[what].map((micros, round) => micros / seen['p-queue, add'][round])
  return {
    limits,
    what,
    'µs a job': Number(median(seen[what]).toFixed(2)),
    'of p-queue': Number(median(ratios).toFixed(2)),
    rounds: ratios.length,
  }
}

const job = async () => undefined

const all = (run) => Promise.all(Array.from({ length: JOBS }, run))

const contenders = {
  'concurrency 10': {
    fast: {
      'no limit': () => all(job),
      'p-queue, add': queued({ concurrency: 10 }),
      'sluice, run': running(concurrency(10)),
      'sluice, wait and release': waiting(concurrency(10)),
    },
    slow: { 'Bottleneck, schedule': scheduled({ maxConcurrent: 10 }) },
  },
  'a rate, concurrency 10': {
    fast: {
      'no limit': () => all(job),
      'p-queue, add': queued({ concurrency: 10, interval: MINUTE, intervalCap: PLENTY }),
      'sluice, run': running(['1000M/min', concurrency(10)]),
      'sluice, wait and release': waiting(['1000M/min', concurrency(10)]),
    },
    slow: {
      'Bottleneck, schedule': scheduled({
        maxConcurrent: 10,
        reservoir: PLENTY,
        reservoirRefreshAmount: PLENTY,
        reservoirRefreshInterval: MINUTE,
      }),
    },
  },
}

function queued(options) {
  return () => {
    const queue = new PQueue(options)
    return all(() => queue.add(job))
  }
}

function scheduled(options) {
  return async () => {
    const bottleneck = new Bottleneck(options)
    await all(() => bottleneck.schedule(job))
    await bottleneck.disconnect()
  }
}

function running(policies) {
  return async () => {
    const limiter = createLimiter({ policies })
    await all(() => limiter.run('all', job))
    await limiter.close()
  }
}

function waiting(policies) {
  return async () => {
    const limiter = createLimiter({ policies })
    await all(async () => {
      const decision = await limiter.wait('all')
      await job()
      limiter.release(decision)
    })
    await limiter.close()
  }
}

async function timed(contender) {
  const began = process.hrtime.bigint()
  await contender()
  return Number(process.hrtime.bigint() - began) / 1_000 / JOBS
}
