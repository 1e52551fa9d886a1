import { concurrency, createLimiter, fixedWindow } from '@sluice/core'
import { redisStore } from '@sluice/redis'
import { inTurns, median } from './measure.js'

const OPS = 200_000
const KEYS = Array.from({ length: 1_000 }, (_, i) => `client-${i}`)
const ROUNDS = 15
const REDIS_OPS = 20_000
const IN_FLIGHT = 512

/** A slot that is taken and released, beside a decision by a fixed window: in memory, and over Redis with many in flight. */
export async function slots() {
  const memory = await inTurns(inMemory(), ROUNDS, timed)
  const url = process.env.REDIS_URL ?? 'redis://127.0.0.1:6379'
  const store = redisStore(url, { prefix: 'bench-slots' })
  const redis = await inTurns(overRedis(store), ROUNDS, timedOverRedis)
  await store.close()
  return [...rows('memory', memory), ...rows(`Redis, ${IN_FLIGHT} in flight`, redis)]
}

function rows(where, seen) {
  const base = 'a fixed window, a decision'
  return Object.entries(seen).map(([what, micros]) => ({
    where,
    what,
    µs: Number(median(micros).toFixed(3)),
    'of a fixed window': Number(median(micros.map((one, round) => one / seen[base][round])).toFixed(2)),
  }))
}

function inMemory() {
  const fixed = createLimiter({ name: 'fixed', policies: fixedWindow('1000M/day') })
  const slots = createLimiter({ name: 'slots', policies: concurrency(10) })
  const both = createLimiter({ name: 'both', policies: [fixedWindow('1000M/day'), concurrency(10)] })
  const takes = (limiter) => () => {
    for (let i = 0; i < OPS; i++) limiter.release(limiter.consume(KEYS[i % KEYS.length]))
  }
  return {
    'a fixed window, a decision': () => {
      for (let i = 0; i < OPS; i++) fixed.consume(KEYS[i % KEYS.length])
    },
    'a slot, taken and released': takes(slots),
    'a fixed window and a slot, taken and released': takes(both),
  }
}

async function timed(contender) {
  const began = process.hrtime.bigint()
  contender()
  return Number(process.hrtime.bigint() - began) / 1_000 / OPS
}

function overRedis(store) {
  const fixed = createLimiter({ name: 'fixed', policies: fixedWindow('1000M/day'), store, timeoutMs: 10_000 })
  const slots = createLimiter({ name: 'slots', policies: concurrency(10), store, timeoutMs: 10_000 })
  return {
    'a fixed window, a decision': async (key) => {
      await fixed.consume(key)
    },
    'a slot, taken and released': async (key) => {
      await slots.release(await slots.consume(key))
    },
  }
}

async function timedOverRedis(contender) {
  let left = REDIS_OPS
  const client = async () => {
    while (left-- > 0) await contender(KEYS[left % KEYS.length])
  }
  const began = process.hrtime.bigint()
  await Promise.all(Array.from({ length: IN_FLIGHT }, client))
  return Number(process.hrtime.bigint() - began) / 1_000 / REDIS_OPS
}
