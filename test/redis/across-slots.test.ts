import { createLimiter, fixedWindow, tokenBucket } from '@sluice/core'
import { remoteStore } from '@sluice/core/remote'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { aPrefix } from './stores.ts'

let client: Redis
beforeAll(() => {
  client = new Redis(inject('redisUrl'))
})
afterAll(() => client.quit())

/** One Redis as if each key lay in a slot of its own; what `silent` says of is never answered. */
const store = (clock: () => number, silent: () => boolean = () => false) =>
  remoteStore(
    'test',
    {
      url: 'redis://test',
      evalsha: (sha, names, args) =>
        silent()
          ? new Promise<never>(() => undefined)
          : (client.evalsha(sha, names.length, ...names, ...args) as Promise<never>),
      eval: (text, names, args) => client.eval(text, names.length, ...names, ...args) as Promise<never>,
      async *scan() {},
      remove: (names) => client.unlink(...names),
      close: () => undefined,
      slotOf: (tag) => Buffer.from(tag).reduce((sum, byte) => sum + byte, 0),
    },
    { clock, prefix: aPrefix() },
  )

const named = (name: string, policy: ReturnType<typeof fixedWindow>) => ({ policy, name })

describe('a decision across slots of a cluster', () => {
  it('that denied stays a denial, though units return before the others are looked at', async () => {
    let times: number[] = []
    let now = 1_000
    const policies = [named('all', fixedWindow('1/s')), named('own', fixedWindow('100/min'))]
    const limiter = createLimiter({ policies, store: store(() => times.shift() ?? now), timeoutMs: 10_000 })
    await limiter.consume({ all: 'all', own: 'me' })
    times = [1_999, 1_999]
    now = 2_000
    expect(await limiter.consume({ all: 'all', own: 'me' })).toMatchObject({ allowed: false, taken: false })
    expect((await limiter.peek({ all: 'all', own: 'me' })).standings.map(({ remaining }) => remaining)).toEqual([1, 99])
  })

  it('takes nothing from the others where one denies, however many are denied at the same time', async () => {
    let now = 1_000
    const policies = [named('all', fixedWindow('1/h')), named('own', tokenBucket('100/s', { burst: 100 }))]
    const limiter = createLimiter({ policies, store: store(() => now++), timeoutMs: 10_000 })
    await limiter.consume({ all: 'all', own: 'me' })
    for (let turn = 0; turn < 20; turn++) {
      const denied = await Promise.all(Array.from({ length: 20 }, () => limiter.consume({ all: 'all', own: 'me' })))
      expect(denied.every(({ allowed }) => !allowed)).toBe(true)
    }
    expect((await limiter.peek({ all: 'all', own: 'me' })).standings[1]?.remaining).toBe(100)
  })

  it('that denied is known at once, though giving back is never answered', async () => {
    let calls = Number.NEGATIVE_INFINITY
    const policies = [named('all', fixedWindow('1/h')), named('own', fixedWindow('100/min'))]
    const limiter = createLimiter({
      policies,
      store: store(
        () => 1_000,
        () => calls++ >= 2,
      ),
      timeoutMs: 10_000,
      onStoreError: 'allow',
    })
    await limiter.consume({ all: 'all', own: 'me' })
    await limiter.peek({ all: 'all', own: 'me' })
    calls = 0
    const denied = await limiter.consume({ all: 'all', own: 'me' })
    expect(denied).toMatchObject({ allowed: false, degraded: false })
    expect(denied.standings.map(({ remaining }) => remaining)).toEqual([0, 99])
  })
})
