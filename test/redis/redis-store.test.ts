import { randomUUID } from 'node:crypto'
import { inspect } from 'node:util'
import {
  ConfigError,
  createLimiter,
  createStore,
  fixedWindow,
  type Limiter,
  leakyBucket,
  type Policy,
  type Store,
  slidingLog,
  slidingWindow,
  tokenBucket,
} from '@sluice/core'
import { redisStore } from '@sluice/redis'
import { Cluster, Redis } from 'ioredis'
import { Redis as Redis5 } from 'ioredis5'
import { createClient } from 'redis'
import { afterAll, afterEach, beforeAll, describe, expect, inject, it, vi } from 'vitest'
import { asSoft } from '../../packages/core/src/policies/policy.ts'
import { type RedisServer, startRedis } from './servers.ts'

let server: RedisServer
const stores: Store[] = []
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.stop())
afterEach(async () => {
  vi.unstubAllEnvs()
  await Promise.all(stores.splice(0).map((store) => store.close()))
})

const kinds: readonly Policy[] = [
  fixedWindow('10/min'),
  slidingWindow('10/min'),
  slidingWindow('10/min', { subWindows: 4 }),
  slidingLog('10/min'),
  tokenBucket('10/min'),
  leakyBucket('10/min', { queue: 9 }),
]

function open(options: Parameters<typeof redisStore>[1] = {}): Store {
  const store = redisStore(server.url, { prefix: `p${randomUUID()}`, ...options })
  stores.push(store)
  return store
}

/** With patience: what is tested here is not the deadline, and a busy machine stalls for longer than the default. */
const PATIENT = { timeoutMs: 10_000 }

const limiterOver = (store: Store, policies: string | Policy | readonly Policy[] = '10/min'): Limiter<Store> =>
  createLimiter({ policies: policies as Policy, store, name: 'api', ...PATIENT })

/** What was called since, by command. */
async function callsDuring(what: () => unknown): Promise<Record<string, number>> {
  await server.command('CONFIG', 'RESETSTAT')
  await what()
  const lines = String(await server.command('INFO', 'commandstats')).matchAll(/cmdstat_([\w|-]+):calls=(\d+)/g)
  return Object.fromEntries([...lines].map(([, name, calls]) => [name, Number(calls)]))
}

const namesLike = async (part: string) => (await server.command('KEYS', `*${part}*`)) as string[]

describe('a bucket in Redis', () => {
  it('is named by prefix, key and policy', async () => {
    const prefix = `p${randomUUID()}`
    await limiterOver(open({ prefix })).consume('203.0.113.7')
    expect(await namesLike(prefix)).toEqual([`${prefix}:{203.0.113.7}:api:exact-window:60000:2`])
  })

  it.each(['x'.repeat(300), 'with space', 'ü', '\0', '{brace}', '#mark'])(
    'hides the key %o behind a hash',
    async (key) => {
      const prefix = `p${randomUUID()}`
      await limiterOver(open({ prefix })).consume(key)
      expect(await namesLike(prefix)).toEqual([expect.stringMatching(/:\{#[\w-]{43}\}:api:exact-window:60000:2$/)])
    },
  )

  it('holds no readable key at all with hashKeys, and hashes differently by another secret', async () => {
    const prefix = `p${randomUUID()}`
    const tags = []
    vi.stubEnv('SLUICE_SECRET', 'one secret of many letters')
    for (const hashKeys of [true, 'another secret, as long']) {
      await limiterOver(open({ prefix, hashKeys })).consume('203.0.113.7')
    }
    for (const name of await namesLike(prefix)) tags.push(/\{(.*)\}/.exec(name)?.[1])
    expect(new Set(tags).size).toBe(2)
    expect(tags.join()).not.toContain('203')
  })

  it.each(kinds)('expires within a second of being as good as new ($algorithm)', async (policy) => {
    const prefix = `p${randomUUID()}`
    const limiter = limiterOver(open({ prefix }), policy)
    const { standings } = await limiter.consume('a', { cost: 3 })
    const [name = ''] = await namesLike(prefix)
    const later = Number(await server.command('PTTL', name)) - (standings[0]?.resetAfterMs ?? 0)
    // Expiry is in whole seconds, never too few.
    expect(later).toBeGreaterThan(-500)
    expect(later).toBeLessThanOrEqual(1_000)
  })

  it.each(kinds)('expires within a second of owing nothing and being as good as new ($algorithm)', async (policy) => {
    const prefix = `p${randomUUID()}`
    const store = open({ prefix })
    await limiterOver(store, policy).consume('a', { cost: 3 })
    const { standings } = await limiterOver(store, asSoft(policy)).consume('a', { cost: 40 })
    expect(standings[0]?.debt).toBeGreaterThan(30)
    const [name = ''] = await namesLike(prefix)
    const later = Number(await server.command('PTTL', name)) - (standings[0]?.resetAfterMs ?? 0)
    expect(later).toBeGreaterThan(-500)
    expect(later).toBeLessThanOrEqual(1_000)
  })

  it.each(kinds)('I6 is left to the byte as it was by a denial, and by a look ($algorithm)', async (policy) => {
    const prefix = `p${randomUUID()}`
    const limiter = limiterOver(open({ prefix, rememberDenials: false }), policy)
    await limiter.consume('a', { cost: 8 })
    const [name = ''] = await namesLike(prefix)
    const bytes = () => Promise.all([server.command('DUMP', name), server.command('PEXPIRETIME', name)])
    const before = await bytes()
    expect((await limiter.consume('a', { cost: 5 })).allowed).toBe(false)
    await limiter.peek('a')
    await limiter.consume('a', { cost: 0 })
    expect(await bytes()).toEqual(before)
  })

  it('is gone when all of it was given back', async () => {
    const prefix = `p${randomUUID()}`
    const limiter = limiterOver(open({ prefix }), [fixedWindow('10/s'), slidingLog('10/min'), slidingWindow('9/h')])
    await limiter.refund(await limiter.consume('a', { cost: 3 }))
    expect(await namesLike(prefix)).toEqual([])
  })
})

describe('the way to Redis', () => {
  it('is gone once for all that is asked in one turn of the loop, of whatever limits', async () => {
    const store = open()
    const limiters = [
      limiterOver(store),
      limiterOver(store, [tokenBucket('9/s'), slidingLog('10/h'), fixedWindow('5/day')]),
    ]
    const all = () =>
      Promise.all(limiters.flatMap((limiter) => Array.from({ length: 15 }, (_, i) => limiter.consume(`key-${i}`))))
    // The first brings the script, by its text.
    await vi.waitFor(async () => expect(await callsDuring(all)).toMatchObject({ evalsha: 1, time: 1 }))
  })

  it('takes two commands a bucket', async () => {
    const limiter = limiterOver(open(), [tokenBucket('9/s'), slidingWindow('10/h'), fixedWindow('5/day')])
    // The scripts are known by their hash from then on.
    await vi.waitFor(async () => expect(await callsDuring(() => limiter.consume('a'))).toHaveProperty('evalsha'))
    const { evalsha, get, set } = await callsDuring(() => limiter.consume('a'))
    expect({ evalsha, get, set }).toEqual({ evalsha: 1, get: 3, set: 3 })
  })

  it('brings the script once when Redis has lost it, however many ask', async () => {
    const limiter = limiterOver(open())
    // Its hash is worked out beside the first decisions.
    await vi.waitFor(async () => expect(await callsDuring(() => limiter.consume('warm'))).toHaveProperty('evalsha'))
    await server.command('SCRIPT', 'FLUSH')
    const calls = await callsDuring(() =>
      Promise.all(Array.from({ length: 600 }, (_, i) => limiter.consume(`key-${i}`))),
    )
    expect(calls['eval']).toBe(1)
  })
})

describe('a denial', () => {
  it('is remembered: a flood on a denied key costs Redis nothing', async () => {
    const limiter = limiterOver(open(), fixedWindow('2/h'))
    await limiter.consume('a', { cost: 2 })
    expect((await limiter.consume('a')).allowed).toBe(false)
    const calls = await callsDuring(async () => {
      for (let i = 0; i < 10_000; i++) {
        const decision = limiter.consume('a', { cost: 1 + (i % 2) })
        expect(decision).not.toBeInstanceOf(Promise)
      }
    })
    expect(calls).not.toHaveProperty('evalsha')
  })

  it('of one limit is remembered, whatever another limit takes from the same key', async () => {
    const store = open()
    const [pages, login] = [limiterOver(store, fixedWindow('100/min')), limiterOver(store, fixedWindow('2/h'))]
    await login.consume('a', { cost: 2 })
    await login.consume('a')
    await pages.consume('a')
    const calls = await callsDuring(() => login.consume('a'))
    expect(calls).not.toHaveProperty('evalsha')
  })

  it('is not taken for one of a smaller cost, another key or another limit', async () => {
    const store = open()
    const limiter = limiterOver(store, fixedWindow('5/h'))
    await limiter.consume('a', { cost: 3 })
    expect((await limiter.consume('a', { cost: 3 })).allowed).toBe(false)
    expect((await limiter.consume('a', { cost: 2 })).allowed).toBe(true)
    expect((await limiter.consume('b', { cost: 3 })).allowed).toBe(true)
    expect((await limiterOver(store, fixedWindow('9/h')).consume('a', { cost: 3 })).allowed).toBe(true)
  })

  it('of more than can ever pass does not stand for one that could', async () => {
    let now = 1_800_000_000_000
    const limiter = limiterOver(open({ clock: () => now }), slidingLog('5/min'))
    for (let take = 0; take < 5; take++) {
      now += 1_000
      await limiter.consume('a')
    }
    expect((await limiter.consume('a', { cost: 6 })).retryAfterMs).toBe(Number.POSITIVE_INFINITY)
    expect((await limiter.consume('a', { cost: 3 })).retryAfterMs).toBe(58_000)
    expect((await limiter.consume('b', { cost: 6 })).standings[0]?.remaining).toBe(5)
    now += 56_500
    expect((await limiter.consume('a', { cost: 6 })).standings[0]?.moreAfterMs).toBe(500)
  })

  it('ends with the wait that it told', async () => {
    let now = 1_800_000_000_000
    const limiter = limiterOver(open({ clock: () => now }), tokenBucket('10/s'))
    await limiter.consume('a', { cost: 10 })
    const { retryAfterMs } = await limiter.consume('a', { cost: 3 })
    now += retryAfterMs - 1
    expect(await limiter.consume('a', { cost: 3 })).toMatchObject({ allowed: false, retryAfterMs: 1 })
    now += 1
    expect((await limiter.consume('a', { cost: 3 })).allowed).toBe(true)
  })

  it('is forgotten when this process gives back or resets', async () => {
    const limiter = limiterOver(open(), fixedWindow('2/h'))
    const receipt = await limiter.consume('a', { cost: 2 })
    expect((await limiter.consume('a')).allowed).toBe(false)
    await limiter.refund(receipt)
    expect((await limiter.consume('a', { cost: 2 })).allowed).toBe(true)
    expect((await limiter.consume('a')).allowed).toBe(false)
    await limiter.reset('a')
    expect((await limiter.consume('a')).allowed).toBe(true)
  })

  it('is asked for again after ten seconds, so that another process’s reset is seen', async () => {
    let now = 1_800_000_000_000
    const prefix = `p${randomUUID()}`
    const [here, there] = [open({ prefix, clock: () => now }), open({ prefix, clock: () => now })]
    const limiter = limiterOver(here, fixedWindow('1/h'))
    await limiter.consume('a')
    await limiter.consume('a')
    await limiterOver(there, fixedWindow('1/h')).reset('a')
    now += 10_000
    expect((await limiter.consume('a')).allowed).toBe(false)
    now += 1
    expect((await limiter.consume('a')).allowed).toBe(true)
  })

  it('is not remembered with rememberDenials: false', async () => {
    const limiter = limiterOver(open({ rememberDenials: false }), fixedWindow('1/h'))
    await vi.waitFor(async () => expect(await callsDuring(() => limiter.consume('a'))).toHaveProperty('evalsha'))
    const { evalsha } = await callsDuring(async () => {
      for (let i = 0; i < 5; i++) await limiter.consume('a')
    })
    expect(evalsha).toBe(5)
  })
})

describe('clearing', () => {
  it('finds all of a policy, or all under the prefix, without KEYS, and nothing else', async () => {
    const prefix = `p${randomUUID()}`
    const store = open({ prefix })
    const odd = createLimiter({ policies: fixedWindow('9/h'), name: 'a}:*[x]?', store, ...PATIENT })
    const other = createLimiter({ policies: fixedWindow('9/h'), name: 'z', store, ...PATIENT })
    for (let i = 0; i < 1_500; i++) await Promise.all([odd.consume(`k${i}`), other.consume(`k${i}`)])
    await limiterOver(open({ prefix: `${prefix}x` })).consume('a')
    await server.command('SET', `${prefix}:not-a-bucket`, 'mine')
    const calls = await callsDuring(async () => {
      await odd.resetAll()
      expect((await namesLike(`${prefix}:`)).length).toBe(1_501)
      await store.clear()
      expect((await namesLike(prefix)).sort()).toEqual([
        `${prefix}:not-a-bucket`,
        `${prefix}x:{a}:api:exact-window:60000:2`,
      ])
    })
    expect(calls['keys']).toBe(2)
  })
})

describe('a Redis that may drop any key when it is full', () => {
  it('is warned of, once', async () => {
    const warning = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
    await server.command('CONFIG', 'SET', 'maxmemory', '1gb', 'maxmemory-policy', 'allkeys-lru')
    await limiterOver(open()).consume('a')
    await vi.waitFor(() => expect(warning).toHaveBeenCalledTimes(1))
    expect(warning.mock.calls[0]?.[0]).toContain('maxmemory-policy allkeys-lru: when it is full it drops buckets')
    await server.command('CONFIG', 'SET', 'maxmemory', '0', 'maxmemory-policy', 'noeviction')
    await limiterOver(open()).consume('a')
    expect(warning).toHaveBeenCalledTimes(1)
    warning.mockRestore()
  })
})

it('rejects resetAll over a cluster that no node of is connected', async () => {
  const cluster = new Cluster([{ host: '127.0.0.1', port: 1 }])
  cluster.on('error', () => undefined)
  const limiter = createLimiter({ policies: '1/min', store: redisStore(cluster) })
  await expect(limiter.resetAll()).rejects.toMatchObject({ code: 'SLUICE_STORE' })
  cluster.disconnect()
})

it('shows no password in the errors of reset and resetAll', async () => {
  await server.command('CONFIG', 'SET', 'requirepass', 'right')
  try {
    const own = new Redis(server.port, '127.0.0.1', { password: 'WR0NGsecret' })
    own.on('error', () => undefined)
    for (const store of [`redis://:WR0NGsecret@127.0.0.1:${server.port}`, redisStore(own)]) {
      const limiter = createLimiter({ policies: '1/min', store })
      limiter.on('degraded', () => undefined)
      await limiter.consume('a')
      for (const forget of [() => limiter.reset('a'), () => limiter.resetAll()]) {
        const error = await Promise.resolve(forget()).catch((thrown) => thrown)
        expect(error).toMatchObject({ code: 'SLUICE_STORE' })
        expect(inspect(error, { depth: 10 })).not.toContain('WR0NGsecret')
      }
      await limiter.close()
    }
    own.disconnect()
  } finally {
    await server.command('CONFIG', 'SET', 'requirepass', '')
  }
})

describe('a client that the app has', () => {
  it.each([
    ['ioredis 6', (url: string, options: object) => new Redis(url, options)],
    ['ioredis 5', (url: string, options: object) => new Redis5(url, options) as unknown as Redis],
  ])('of %s is used, with its keyPrefix, and left open', async (_title, make) => {
    const prefix = `p${randomUUID()}`
    const client = make(server.url, { keyPrefix: 'app*:' })
    const store = redisStore(client, { prefix })
    const limiter = limiterOver(store, fixedWindow('2/h'))
    expect((await limiter.consume('a')).allowed).toBe(true)
    expect(await namesLike(prefix)).toEqual([expect.stringMatching(/^app\*:/)])
    await limiter.resetAll()
    expect(await namesLike(prefix)).toEqual([])
    await limiter.close()
    expect(await client.ping()).toBe('PONG')
    await client.quit()
  })

  it('may hand numbers over as text', async () => {
    const client = new Redis(server.url, { stringNumbers: true })
    for (const policy of kinds) {
      const limiter = limiterOver(redisStore(client, { prefix: `p${randomUUID()}` }), policy)
      await limiter.consume('a', { cost: 3 })
      expect((await limiter.consume('a')).standings[0]).toMatchObject({ remaining: 6, at: expect.any(Number) })
    }
    await client.quit()
  })
})

describe('a configuration that cannot be right', () => {
  it.each<[string, () => unknown, string]>([
    ['a URL', () => createStore('redis://host:port'), 'one of its hosts is not a name or an address with a port'],
    ['no client', () => redisStore({} as never), "takes a URL such as 'redis://localhost:6379' or a client of ioredis"],
    [
      'a client in place of a store',
      () => createLimiter({ policies: '1/s', store: new Redis({ lazyConnect: true }) as never }),
      'Write store: redisStore(client)',
    ],
    [
      'a client of node-redis in place of a store',
      () => createLimiter({ policies: '1/s', store: createClient() as never }),
      'Write store: redisStore(client)',
    ],
    [
      'an unknown option',
      () => open({ prefx: 'a' } as never),
      'redisStore() has no option "prefx". Did you mean "prefix"?',
    ],
    ['a prefix', () => open({ prefix: 'a{b}' }), 'prefix: expected 1 to 64 letters, digits and _.:-'],
    ['a short secret', () => open({ hashKeys: 'short' }), 'needs a secret of at least 16 characters'],
    ['no secret', () => open({ hashKeys: true }), 'set the environment variable SLUICE_SECRET'],
    [
      'onStoreError',
      () => createLimiter({ policies: '1/s', onStoreError: 'pass' as never }),
      "expected 'allow', 'deny' or 'local'",
    ],
    [
      'timeoutMs',
      () => createLimiter({ policies: '1/s', timeoutMs: 0 }),
      'timeoutMs: expected a whole number from 1 to 60000, got 0',
    ],
    ['instances', () => createLimiter({ policies: '1/s', instances: 0 }), 'instances: expected a whole number from 1'],
  ])('is told at start-up: %s', (_title, make, sentence) => {
    expect(make).toThrow(ConfigError)
    expect(make).toThrow(sentence)
  })
})

it('reaches the Redis that the run shares', async () => {
  const limiter = createLimiter({ policies: '5/min', name: randomUUID(), store: inject('redisUrl'), ...PATIENT })
  expect(await limiter.consume('a')).toMatchObject({ allowed: true, degraded: false })
  await limiter.close()
})

it('refuses a database that Redis does not have, and writes into no other', async () => {
  const prefix = `p${randomUUID()}`
  const store = redisStore(`redis://127.0.0.1:${server.port}/99`, { prefix })
  const limiter = createLimiter({ policies: '10/min', store, ...PATIENT })
  const degraded = vi.fn()
  limiter.on('degraded', degraded)
  for (let turn = 0; turn < 3; turn++) expect((await limiter.consume('a')).degraded).toBe(true)
  expect(degraded).toHaveBeenCalledWith(
    expect.objectContaining({
      error: expect.objectContaining({ message: expect.stringContaining('DB index is out of range') }),
    }),
  )
  expect(await namesLike(prefix)).toEqual([])
  await limiter.close()
})
