import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { startRedis, until } from '../redis/servers.ts'
import { expectOneOutage, expectUnharmed, onRedis, Scene } from './scene.ts'
import { startWay } from './way.ts'

describe.concurrent('a Redis that fails under load', () => {
  it('killed, and back five seconds later', () =>
    onRedis(async (scene, redis) => {
      const loads = await scene.underLoad(8_000, async () => {
        redis.kill('SIGKILL')
        await sleep(5_000)
        await redis.restart()
      })
      for (const load of loads) expectOneOutage(load, /^degraded: redis:\/\/127\.0\.0\.1:\d+: /)
    }))

  it('paused for five seconds', () =>
    onRedis(async (scene, redis) => {
      const loads = await scene.underLoad(8_000, async () => {
        redis.kill('SIGSTOP')
        await sleep(5_000)
        redis.kill('SIGCONT')
      })
      for (const load of loads) expectOneOutage(load, /^degraded: redis:.* did not answer within 200 ms/)
    }))

  it('made to forget its scripts: nobody notices', () =>
    onRedis(async (scene, redis) => {
      const loads = await scene.underLoad(2_000, async () => {
        for (let i = 0; i < 20; i++) await redis.command('SCRIPT', 'FLUSH')
      })
      for (const load of loads) {
        expectUnharmed(load)
        expect(load).toMatchObject({ degraded: 0, events: [] })
      }
    }))

  it('emptied: every bucket is fresh, nobody fails', () =>
    onRedis(async (scene, redis) => {
      const setup = { policies: [['fixedWindow', '1/day'] as const], rememberDenials: false }
      const loads = await scene.underLoad(2_000, () => redis.command('FLUSHALL'), setup)
      for (const load of loads) {
        expectUnharmed(load)
        expect(load).toMatchObject({ degraded: 0, events: [] })
      }
      const allowed = loads.reduce((sum, load) => sum + load.allowed, 0)
      expect(allowed).toBeGreaterThan(500)
      expect(allowed).toBeLessThanOrEqual(1_000)
    }))

  it('out of memory', () =>
    onRedis(async (scene, redis) => {
      const loads = await scene.underLoad(4_000, async () => {
        await redis.command('CONFIG', 'SET', 'maxmemory', 1)
        await sleep(1_500)
        await redis.command('CONFIG', 'SET', 'maxmemory', 0)
      })
      for (const load of loads) expectOneOutage(load, /^degraded: .*OOM command not allowed/)
    }))

  it('made a replica, and a master again', () =>
    onRedis(async (scene, redis) => {
      const other = await startRedis()
      const loads = await scene.underLoad(5_000, async () => {
        await redis.command('REPLICAOF', '127.0.0.1', other.port)
        await sleep(1_500)
        await redis.command('REPLICAOF', 'NO', 'ONE')
      })
      await other.stop()
      for (const load of loads) expectOneOutage(load, /^degraded: .*(READONLY|replica)/i)
    }))

  it('with another password than ours, until it is ours again', () =>
    onRedis(async (scene, redis) => {
      const loads = await scene.underLoad(5_000, async () => {
        await redis.command('CONFIG', 'SET', 'requirepass', 'changed')
        await redis.command('AUTH', 'changed')
        await redis.command('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
        await sleep(1_500)
        await redis.command('CONFIG', 'SET', 'requirepass', '')
      })
      for (const load of loads) expectOneOutage(load, /^degraded: .*(NOAUTH|closed|ECONNRESET)/i)
    }))

  it('behind a host that goes without a word: its silence is not waited out', () =>
    onRedis(async (_scene, redis) => {
      const way = await startWay(redis.port)
      const scene = new Scene(`redis://127.0.0.1:${way.port}`)
      const loads = await scene.underLoad(11_000, async () => way.silence())
      await scene.end()
      way.stop()
      for (const load of loads) expectOneOutage(load, /^degraded: redis:.* did not answer within 200 ms/)
    }))

  it('with a key of another type in a bucket’s place: that bucket alone, told once, well again when it is gone', () =>
    onRedis(async (scene, redis) => {
      const [server] = await scene.start(1, { policies: [['fixedWindow', '5/day']], rememberDenials: false })
      await server?.crowd({ key: 'victim', count: 1 })
      const [name = ''] = (await redis.command('KEYS', '*victim*')) as string[]
      await redis.command('DEL', name)
      await redis.command('HSET', name, 'somebody', 'else')
      expect(await server?.crowd({ key: 'victim', count: 8 })).toMatchObject({ allowed: 5, degraded: 8 })
      expect(await server?.crowd({ key: 'bystander', count: 8 })).toMatchObject({ allowed: 5, degraded: 0 })
      expect(await server?.events()).toEqual([expect.stringMatching(/^error: The bucket .*victim.*WRONGTYPE/)])
      expect(await redis.command('HGET', name, 'somebody')).toBe('else')
      await redis.command('DEL', name)
      expect(await server?.crowd({ key: 'victim', count: 8 })).toMatchObject({ allowed: 5, degraded: 0 })
    }))

  it('gone from the start: the first request is decided in time, and Redis is used once it is there', () =>
    onRedis(async (scene, redis) => {
      redis.kill('SIGKILL')
      const [server] = await scene.start(1, { policies: [['fixedWindow', '5/day']] })
      expect(await server?.crowd({ key: 'a', count: 8 })).toMatchObject({ allowed: 5, degraded: 8 })
      await redis.restart()
      await until(async () => (await server?.crowd({ key: 'b', count: 1 }))?.degraded === 0)
      expect(await server?.events()).toEqual([expect.stringMatching(/^degraded: redis:.*ECONNREFUSED/), 'recovered'])
    }))

  it.each([
    ['allow', 8],
    ['deny', 0],
  ] as const)('decides by onStoreError: %s', (onStoreError, allowed) =>
    onRedis(async (scene, redis) => {
      redis.kill('SIGKILL')
      const [server] = await scene.start(1, { policies: [['fixedWindow', '5/day']], onStoreError })
      expect(await server?.crowd({ key: 'a', count: 8 })).toMatchObject({ allowed, degraded: 8 })
    }),
  )
})
