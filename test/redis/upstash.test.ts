import { inspect } from 'node:util'
import { ConfigError, createLimiter, createStore, type Store, StoreError, tokenBucket } from '@sluice/core'
import { storeSpec } from '@sluice/core/testing'
import { upstashStore } from '@sluice/upstash'
import { Redis } from '@upstash/redis'
import { afterAll, afterEach, beforeAll, describe, expect, inject, it, vi } from 'vitest'
import { invariants } from '../invariants/suite.ts'
import { aPrefix } from './stores.ts'
import { startUpstash, type UpstashServer } from './upstash-server.ts'

let server: UpstashServer
beforeAll(async () => {
  server = await startUpstash(inject('redisUrl'))
})
afterAll(() => server.stop())
afterEach(() => vi.unstubAllEnvs())

const open = (clock?: () => number, prefix = aPrefix()): Store =>
  upstashStore(
    new Redis({ url: server.url, token: server.token, retry: false }),
    clock ? { clock, prefix } : { prefix },
  )

describe('the Upstash store', () => {
  for (const { title, run } of storeSpec((clock) => open(clock))) it(title, run)

  it('is found by its URL, with what the environment tells', async () => {
    vi.stubEnv('UPSTASH_REDIS_REST_URL', server.url)
    vi.stubEnv('UPSTASH_REDIS_REST_TOKEN', server.token)
    const limiter = createLimiter({ policies: '2/min', name: aPrefix(), store: 'upstash:', timeoutMs: 10_000 })
    expect(await limiter.consume('a')).toMatchObject({ allowed: true, degraded: false })
    expect((await limiter.consume('a')).allowed).toBe(true)
    expect((await limiter.consume('a')).allowed).toBe(false)
  })

  it('says at start-up what the environment lacks', () => {
    vi.stubEnv('UPSTASH_REDIS_REST_URL', server.url)
    vi.stubEnv('UPSTASH_REDIS_REST_TOKEN', '')
    const make = () => createStore('upstash:')
    expect(make).toThrow(ConfigError)
    expect(make).toThrow("'upstash:' needs UPSTASH_REDIS_REST_TOKEN in the environment")
    vi.stubEnv('UPSTASH_REDIS_REST_TOKEN', 'token')
    vi.stubEnv('UPSTASH_REDIS_REST_URL', 'rediss://default@eu1.example')
    expect(make).toThrow("which begins with 'https://'")
  })

  it('takes one HTTP request for all that is asked in one turn', async () => {
    const limiter = createLimiter({ policies: ['10/s', '1000/day'], store: open(), timeoutMs: 10_000 })
    await limiter.consume('warm')
    const before = server.requests
    await Promise.all(Array.from({ length: 30 }, (_, i) => limiter.consume(`key-${i}`)))
    expect(server.requests - before).toBe(1)
  })

  it('decides without a store that refuses the token, and says why', async () => {
    const store = upstashStore(new Redis({ url: server.url, token: 'wrong', retry: false }))
    const limiter = createLimiter({ policies: tokenBucket('1/min'), store, timeoutMs: 10_000 })
    const told: StoreError[] = []
    limiter.on('degraded', ({ error }) => told.push(error))
    expect(await limiter.consume('a')).toMatchObject({ allowed: true, degraded: true })
    expect(await limiter.consume('a')).toMatchObject({ allowed: false, degraded: true })
    expect(told).toHaveLength(1)
    expect(told[0]).toBeInstanceOf(StoreError)
    expect(told[0]?.message).toMatch(/^upstash:.*Unauthorized/)
    await limiter.close()
  })

  it('shows neither keys nor its script in what it says of a store that fails', async () => {
    const store = upstashStore(new Redis({ url: server.url, token: 'wrong', retry: false }))
    const limiter = createLimiter({ policies: '1/min', store, timeoutMs: 10_000 })
    const told: StoreError[] = []
    limiter.on('degraded', ({ error }) => told.push(error))
    await limiter.consume('secret-api-key')
    for (const forget of [() => limiter.reset('secret-api-key'), () => limiter.resetAll()]) {
      await Promise.resolve(forget()).catch((error) => told.push(error))
    }
    expect(told).toHaveLength(3)
    for (const error of told) expect(inspect(error, { depth: 10 })).not.toMatch(/secret-api-key|command was|local /)
    await limiter.close()
  })

  it('reads a prefix from its URL', async () => {
    vi.stubEnv('UPSTASH_REDIS_REST_URL', server.url)
    vi.stubEnv('UPSTASH_REDIS_REST_TOKEN', server.token)
    const prefix = aPrefix()
    const [shop, other] = [`upstash:?prefix=${prefix}`, 'upstash:'].map((store) =>
      createLimiter({ policies: '1/min', name: prefix, store, timeoutMs: 10_000 }),
    )
    expect(await shop?.consume('a')).toMatchObject({ allowed: true, degraded: false })
    expect(await other?.consume('a')).toMatchObject({ allowed: true, degraded: false })
    expect(await shop?.consume('a')).toMatchObject({ allowed: false, degraded: false })
    vi.unstubAllEnvs()
  })
})

describe('over Upstash', () => invariants((clock) => open(clock), 2))
