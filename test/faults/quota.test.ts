import { describe, expect, it } from 'vitest'
import { onRedis } from './scene.ts'

const DAY_MS = 86_400_000

describe('many processes with a quota on one Redis', () => {
  it('I11 admit exactly 1000 of 5000 that come at once, tell of each crossing once, and count ten ids ten times', () =>
    onRedis(async (scene) => {
      const policies = [['quota', '1000/month', { timeZone: 'Europe/Berlin' }] as const]
      const servers = await scene.start(8, { policies, warnAt: [0.5, 0.8, 1], timeoutMs: 10_000 })
      const crowds = await Promise.all(servers.map((one) => one.crowd({ key: 'a', count: 625 })))
      expect(crowds.reduce((sum, { degraded }) => sum + degraded, 0)).toBe(0)
      expect(crowds.reduce((sum, { allowed }) => sum + allowed, 0)).toBe(1_000)
      const crossings = (await Promise.all(servers.map((one) => one.crossings()))).flat()
      expect(crossings.sort()).toEqual([0.5, 0.8, 1])

      const ids = Array.from({ length: 10 }, (_, i) => `evt-${i}`)
      const delivered = await Promise.all(servers.map((one) => one.deliver({ key: 'b', ids, times: 5, cost: 3 })))
      expect(delivered.reduce((sum, { counted }) => sum + counted, 0)).toBe(10)
      expect((await servers[0]?.usage('b'))?.['default']?.used).toBe(30)
      // Whoever asked was told what the first was told.
      const [first] = delivered
      for (const { answers } of delivered) expect(answers).toEqual(first?.answers)
    }))

  it('count in the same day and month though their clocks are days apart', () =>
    onRedis(async (scene) => {
      const policies = [['quota', '10/day'] as const, ['quota', '10/month'] as const]
      const setup = { policies, rememberDenials: false, timeoutMs: 2_000 }
      const clocks = [0, -DAY_MS, DAY_MS, -40 * DAY_MS, 400 * DAY_MS]
      const servers = await Promise.all(
        clocks.map(async (clockAheadMs) => (await scene.start(1, { ...setup, clockAheadMs }))[0]),
      )
      const crowds = []
      for (const one of servers) crowds.push(await one?.crowd({ key: 'a', count: 3 }))
      expect(crowds.map((crowd) => crowd?.allowed)).toEqual([3, 3, 3, 1, 0])
      expect(crowds.map((crowd) => crowd?.degraded)).toEqual([0, 0, 0, 0, 0])
    }))

  it('obey an override within a second, whether they are busy or idle', () =>
    onRedis(async (scene) => {
      const setup = { policies: [['quota', '5/month'] as const], timeoutMs: 2_000 }
      const [admin, busy, idle] = await scene.start(3, setup)
      for (const one of [busy, idle]) await one?.crowd({ key: 'a', count: 1 })
      const seen = busy?.untilAllowed({ key: 'a', allowed: false, waitMs: 2 })
      // Both have read the overrides by now; the idle one not for a second.
      await new Promise((resolve) => setTimeout(resolve, 1_000))
      await admin?.override('a', 'blocked')
      const blocked = performance.now()
      await seen
      expect(performance.now() - blocked).toBeLessThan(1_000)
      expect(await idle?.crowd({ key: 'a', count: 1 })).toMatchObject({ allowed: 0, degraded: 0 })
      await admin?.override('a', undefined)
      expect(await busy?.untilAllowed({ key: 'a', allowed: true, waitMs: 2 })).toBeLessThan(1_000)
    }))
})
