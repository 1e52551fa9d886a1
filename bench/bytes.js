import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const KEYS = 1_000_000
const self = fileURLToPath(import.meta.url)

const contenders = {
  'bare Map': async () => {
    const map = new Map()
    return { take: (key) => map.set(key, 1), map }
  },
  'sluice, sliding window': async () => {
    const { createLimiter } = await import('@sluice/core')
    const limiter = createLimiter({ policies: '1000/day' })
    return { take: (key) => limiter.consume(key), limiter }
  },
  'sluice, token bucket': async () => {
    const { createLimiter, tokenBucket } = await import('@sluice/core')
    const limiter = createLimiter({ policies: tokenBucket('1000/day') })
    return { take: (key) => limiter.consume(key), limiter }
  },
  'express-rate-limit, its store': async () => {
    const { MemoryStore } = await import('express-rate-limit')
    const store = new MemoryStore()
    store.init({ windowMs: 86_400_000 })
    return { take: (key) => store.increment(key), store }
  },
  'rate-limiter-flexible': async () => {
    const { RateLimiterMemory } = await import('rate-limiter-flexible')
    const limiter = new RateLimiterMemory({ points: 1_000, duration: 86_400 })
    return { take: (key) => limiter.consume(key), limiter }
  },
}

/** Bytes a live key at a million keys, the key's own text included; each in a process of its own. */
export function bytes() {
  return Object.keys(contenders).map((what) => {
    const { stdout } = spawnSync(process.execPath, ['--expose-gc', self, what], { encoding: 'utf8' })
    return { what, 'bytes a key': Number(stdout) }
  })
}

if (process.argv[1] === self) {
  const held = await contenders[process.argv[2]]()
  const before = memory()
  for (let key = 0; key < KEYS; key++) await held.take(`key-${key}`)
  const after = memory()
  process.stdout.write(String(Math.round((after - before) / KEYS)))
  process.exit(Object.keys(held).length === 0 ? 1 : 0)
}

function memory() {
  globalThis.gc()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}
