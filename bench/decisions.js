import { createLimiter, fixedWindow, memoryStore, tokenBucket } from '@sluice/core'
import { quota } from '@sluice/quota'
import { MemoryStore } from 'express-rate-limit'
import { RateLimiterMemory } from 'rate-limiter-flexible'
import { inTurns, median } from './measure.js'

const KEYS = 10_000
const DECISIONS = 400_000
const ROUNDS = 15

const addresses = Array.from({ length: KEYS }, (_, i) => `203.${i >> 16}.${(i >> 8) & 255}.${i & 255}`)
const shuffled = Array.from({ length: DECISIONS }, () => addresses[Math.floor(Math.random() * KEYS)])

/** A request's key is a string of its own, just read from a socket: its hash is not known yet. */
const asRead = () => shuffled.map((key) => Buffer.from(key, 'latin1').toString('latin1'))

/** Nanoseconds a decision over 10,000 keys, one policy, nothing else running. */
export async function decisions() {
  const same = await inTurns(contenders(), ROUNDS, (contender) => timed(contender, shuffled))
  const read = await inTurns(contenders(), ROUNDS, (contender) => timed(contender, asRead()))
  const [bare, bareRead] = [median(same['bare Map']), median(read['bare Map'])]
  return Object.keys(same).map((name) => ({
    what: name,
    ns: Math.round(median(same[name])),
    'of bare Map': ratio(median(same[name]), bare),
    'ns, fresh strings': Math.round(median(read[name])),
    'of bare Map, fresh strings': ratio(median(read[name]), bareRead),
  }))
}

const ratio = (ns, bare) => Number((ns / bare).toFixed(2))

function contenders() {
  const counts = new Map()
  const peerStore = new MemoryStore()
  peerStore.init({ windowMs: 60_000 })
  const flexible = new RateLimiterMemory({ points: 10 ** 9, duration: 60 })
  const flexibleDenied = new RateLimiterMemory({ points: 1, duration: 3_600 })
  const sync = (policies, options) => {
    const limiter = createLimiter({ policies, ...options })
    return (keys) => {
      for (const key of keys) limiter.consume(key)
    }
  }
  return {
    'bare Map': (keys) => {
      for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1)
    },
    'the clock alone': (keys) => {
      for (const _ of keys) performance.now()
    },
    'sluice, sliding window': sync('1000M/min'),
    'sluice, sliding window, denied': sync('1/day'),
    'sluice, sliding window, without the clock': sync('1000M/min', { store: memoryStore({ clock: () => 1_000 }) }),
    'sluice, fixed window': sync(fixedWindow('1000M/min')),
    'sluice, token bucket': sync(tokenBucket('1M/day')),
    'sluice, calendar quota': sync(quota('1000M/month', { timeZone: 'Europe/Berlin' })),
    'sluice, three policies': sync(['1M/s', '10M/min', '1000M/day']),
    'express-rate-limit, its store': async (keys) => {
      for (const key of keys) await peerStore.increment(key)
    },
    'rate-limiter-flexible': async (keys) => {
      for (const key of keys) await flexible.consume(key)
    },
    'rate-limiter-flexible, denied': async (keys) => {
      for (const key of keys) await flexibleDenied.consume(key).catch(() => undefined)
    },
  }
}

async function timed(contender, keys) {
  const began = process.hrtime.bigint()
  await contender(keys)
  return Number(process.hrtime.bigint() - began) / keys.length
}
