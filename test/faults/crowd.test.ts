import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { onRedis } from './scene.ts'

describe('many processes on one Redis', () => {
  it.each([
    ['fixedWindow', '1000/day'],
    ['slidingWindow', '1000/day'],
    ['slidingWindow', '1000/day', { subWindows: 10 }],
    ['slidingLog', '1000/day'],
    ['tokenBucket', '1000/day'],
    ['leakyBucket', '1000/day', { queue: 999 }],
  ] as const)('I11 admit exactly 1000 of 5000 that come at once: %s %s %o', (...policy) =>
    onRedis(async (scene) => {
      const servers = await scene.start(8, { policies: [policy], timeoutMs: 10_000 })
      const crowds = await Promise.all(servers.map((one) => one.crowd({ key: 'all', count: 625 })))
      expect(crowds.reduce((sum, { degraded }) => sum + degraded, 0)).toBe(0)
      expect(crowds.reduce((sum, { allowed }) => sum + allowed, 0)).toBe(1_000)
    }),
  )

  it('take nothing from one policy while another denies, in 10,000 requests', () =>
    onRedis(async (scene) => {
      const policies = [
        ['fixedWindow', '10/day', { name: 'tight' }] as const,
        ['tokenBucket', '1000/day', { burst: 100_000 }] as const,
      ]
      const servers = await scene.start(4, { policies, rememberDenials: false, timeoutMs: 10_000 })
      const [first] = servers
      expect(await first?.crowd({ key: 'a', count: 10 })).toMatchObject({ allowed: 10, remaining: [0, 99_990] })
      const crowds = await Promise.all(servers.map((one) => one.crowd({ key: 'a', count: 2_500 })))
      expect(crowds.map(({ allowed }) => allowed)).toEqual([0, 0, 0, 0])
      for (const { remaining } of crowds) expect(remaining).toEqual([0, 99_990])
    }))

  it('decide alike though their clocks are an hour apart', () =>
    onRedis(async (scene) => {
      const setup = { policies: [['slidingWindow', '10/h'] as const], rememberDenials: false }
      const [here] = await scene.start(1, setup)
      const [there] = await scene.start(1, { ...setup, clockAheadMs: 3_600_000 })
      expect(await here?.crowd({ key: 'a', count: 6 })).toMatchObject({ allowed: 6, remaining: [4] })
      expect(await there?.crowd({ key: 'a', count: 6 })).toMatchObject({ allowed: 4, remaining: [0] })
      expect(await here?.crowd({ key: 'a', count: 1 })).toMatchObject({ allowed: 0, degraded: 0 })
    }))

  it('leave no bucket behind for ever when one is killed in mid-flight', () =>
    onRedis(async (scene, redis) => {
      const policies = [
        ['tokenBucket', '1000/min'] as const,
        ['slidingLog', '1000/h'] as const,
        ['slidingWindow', '1000/day', { subWindows: 10 }] as const,
        ['fixedWindow', '1000/s'] as const,
      ]
      const [victim, other] = await scene.start(2, { policies })
      const loads = [
        victim?.load({ ms: 5_000, clients: 200, keys: 300 }),
        other?.load({ ms: 1_500, clients: 50, keys: 300 }),
      ]
      await sleep(900)
      await victim?.kill()
      await Promise.allSettled(loads)
      const names = (await redis.command('KEYS', '*')) as string[]
      expect(names.length).toBeGreaterThan(600)
      const ttls = await Promise.all(names.map((name) => redis.command('PTTL', name)))
      // -2 is gone by now; -1 would be for ever.
      expect(ttls.filter((ttl) => ttl === -1)).toEqual([])
    }))
})
