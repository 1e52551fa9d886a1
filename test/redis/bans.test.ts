import { setTimeout as pause } from 'node:timers/promises'
import { createLimiter, fixedWindow } from '@sluice/core'
import { type RedisStoreOptions, redisStore } from '@sluice/redis'
import { afterEach, describe, expect, inject, it } from 'vitest'
import { until } from './servers.ts'
import { aPrefix } from './stores.ts'

const open: { close(): void | Promise<void> }[] = []
afterEach(async () => {
  await Promise.all(open.splice(0).map((one) => one.close()))
})

const ban = { after: 4, within: '1min', for: '1h' } as const

/** A limiter as another process would have it. */
function limiterOn(prefix: string, options: Partial<RedisStoreOptions> = {}) {
  const store = redisStore(inject('redisUrl'), { prefix, ...options })
  const limiter = createLimiter({ name: 'api', policies: fixedWindow('2/h'), ban, store, timeoutMs: 10_000 })
  open.push(limiter)
  return limiter
}

describe('a ban in Redis', () => {
  it.each([{}, { hashKeys: 'a secret of sixteen or more' }])(
    'is made by the denials of several processes, and holds in all of them within a second (%o)',
    async (options) => {
      const prefix = aPrefix()
      const [one, other] = [limiterOn(prefix, options), limiterOn(prefix, options)]
      await one.consume('a', { cost: 2 })
      for (let i = 0; i < 2; i++) await Promise.all([one.consume('a'), other.consume('a')])
      // The first of each are counted at once, those that were denied from memory when there are enough.
      for (let i = 0; i < 4; i++) await one.consume('a')
      await until(async () => (await one.bans()).length === 1)
      const began = performance.now()
      await until(async () => (await other.consume('a')).override?.to === 'banned')
      expect(performance.now() - began).toBeLessThan(1_000)
      expect((await other.consume('a')).retryAfterMs).toBeGreaterThan(3_500_000)
      expect((await other.consume('b')).allowed).toBe(true)
      const third = limiterOn(prefix, options)
      expect((await third.consume('a')).override?.to).toBe('banned')
      await other.reset('a')
      await other.resetAll()
      await pause(450)
      expect((await third.consume('a')).override?.to).toBe('banned')
      await third.unban('a')
      await until(async () => (await one.consume('a')).allowed)
      expect(await other.bans()).toEqual([])
    },
  )

  it('is known to others one by one, not by reading all', async () => {
    const prefix = aPrefix()
    const [one, other] = [limiterOn(prefix), limiterOn(prefix)]
    await other.consume('warm')
    for (let i = 0; i < 1_200; i++) await one.ban(`key-${i}`, { for: '1d' })
    expect(await other.bans()).toHaveLength(1_200)
    await one.unban('key-7')
    await one.ban('late')
    const keys = (await other.bans()).map(({ key }) => key)
    expect([keys.length, keys.includes('key-7'), keys.includes('late')]).toEqual([1_200, false, true])
  })

  it('by hand holds for its time, whatever is remembered of an earlier one', async () => {
    const prefix = aPrefix()
    const store = redisStore(inject('redisUrl'), { prefix })
    const short = { after: 1, within: '1min', for: '1s' } as const
    const limiter = createLimiter({ name: 'api', policies: fixedWindow('1/h'), ban: short, store, timeoutMs: 10_000 })
    open.push(limiter)
    for (let i = 0; i < 2; i++) await limiter.consume('a')
    await until(async () => (await limiter.bans()).length === 1)
    await limiter.ban('a', { for: '2h' })
    const [first] = await limiter.bans()
    expect((first?.until ?? 0) - Date.now()).toBeGreaterThan(7_000_000)
    await limiter.ban('a', { for: '1h' })
    expect(await limiter.bans()).toEqual([first])
  })

  it('that lasts longer is left alone by a shorter one', async () => {
    const prefix = aPrefix()
    const [one, other] = [limiterOn(prefix), limiterOn(prefix)]
    await one.ban('a')
    await other.ban('a', { for: '1s' })
    expect(await one.bans()).toEqual([{ key: 'a', until: null, times: 0 }])
  })
})
