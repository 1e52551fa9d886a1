import { createLimiter, fixedWindow, type Store } from '@sluice/core'
import { storeSpec } from '@sluice/core/testing'
import { type RedisClient, redisStore } from '@sluice/redis'
import { Redis as Valkey } from 'iovalkey'
import { createClient, RESP_TYPES } from 'redis'
import { createClient as createClient5 } from 'redis5'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { invariants } from '../invariants/suite.ts'
import { aPrefix } from './stores.ts'

interface Given {
  readonly client: RedisClient
  close(): unknown
}

const nodeRedis = (make: typeof createClient) => async (options: object) => {
  const client = make({ url: inject('redisUrl'), ...options })
  await client.connect()
  return { client, close: () => client.close() }
}

const clients: Readonly<Record<string, (options: object) => Promise<Given>>> = {
  'node-redis 6': nodeRedis(createClient),
  'node-redis 5': nodeRedis(createClient5 as never),
  iovalkey: async (options) => {
    const client = new Valkey(inject('redisUrl'), options)
    return { client, close: () => client.quit() }
  },
}

describe.each(Object.entries(clients))('a client of %s', (_title, connect) => {
  let given: Given
  beforeAll(async () => {
    given = await connect({})
  })
  afterAll(() => given.close())
  const over = (clock: () => number): Store => redisStore(given.client, { clock, prefix: aPrefix() })

  for (const { title, run } of storeSpec(over)) it(title, run)
  invariants(over, 2)

  it('is left open by close()', async () => {
    const store = redisStore(given.client, { prefix: aPrefix() })
    await createLimiter({ policies: '10/min', store, timeoutMs: 10_000 }).close()
    const limiter = createLimiter({ policies: '10/min', store: redisStore(given.client), timeoutMs: 10_000 })
    expect(await limiter.peek('a')).toMatchObject({ allowed: true, degraded: false })
  })
})

describe('a client of node-redis', () => {
  it('may have a keyPrefix, which is found again by resetAll', async () => {
    const prefix = aPrefix()
    const { client, close } = await nodeRedis(createClient)({ keyPrefix: 'app*:' })
    const limiter = createLimiter({
      policies: fixedWindow('2/h'),
      store: redisStore(client, { prefix }),
      timeoutMs: 10_000,
    })
    const plain = await nodeRedis(createClient)({})
    await limiter.consume('a')
    expect(await plain.client.keys(`*${prefix}*`)).toEqual([expect.stringMatching(/^app\*:/)])
    await limiter.resetAll()
    expect(await plain.client.keys(`*${prefix}*`)).toEqual([])
    await Promise.all([close(), plain.close()])
  })

  it('may read replies as Buffers and numbers as text', async () => {
    const { client, close } = await nodeRedis(createClient)({})
    const mapped = client.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer, [RESP_TYPES.NUMBER]: String })
    const store = redisStore(mapped, { prefix: aPrefix() })
    const limiter = createLimiter({ policies: ['10/min', fixedWindow('20/h')], store, timeoutMs: 10_000 })
    expect(await limiter.consume('a', { cost: 3 })).toMatchObject({ allowed: true, degraded: false })
    expect((await limiter.consume('a')).standings.map(({ remaining }) => remaining)).toEqual([6, 16])
    await limiter.resetAll()
    expect((await limiter.peek('a')).standings.map(({ remaining }) => remaining)).toEqual([10, 20])
    await close()
  })

  it('that is not connected decides without Redis, and says why', async () => {
    const limiter = createLimiter({ policies: '1/min', store: redisStore(createClient()), timeoutMs: 10_000 })
    const reasons: unknown[] = []
    limiter.on('degraded', ({ error }) => reasons.push(error.message))
    expect(await limiter.consume('a')).toMatchObject({ allowed: true, degraded: true })
    expect(reasons).toEqual(['redis://(the given client): the given client is not connected'])
  })
})
