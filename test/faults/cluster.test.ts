import { setTimeout as sleep } from 'node:timers/promises'
import { createLimiter, fixedWindow } from '@sluice/core'
import { redisStore } from '@sluice/redis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type RedisCluster, type RedisServer, startCluster } from '../redis/servers.ts'
import { aPrefix } from '../redis/stores.ts'
import { expectUnharmed, Scene } from './scene.ts'

describe('a Redis Cluster under load', () => {
  let cluster: RedisCluster
  let scene: Scene
  beforeAll(async () => {
    cluster = await startCluster()
    scene = new Scene(cluster.url)
  })
  afterAll(async () => {
    await scene.end()
    await cluster.stop()
  })

  it('of which slots move to another node: nobody fails, nothing is lost', async () => {
    const prefix = aPrefix()
    const limiter = createLimiter({ policies: fixedWindow('10/day'), store: redisStore(cluster.url, { prefix }) })
    const keys = Array.from({ length: 40 }, (_, i) => `key-${i}`)
    for (const key of keys) await limiter.consume(key, { cost: 4 })
    const moved: number[] = []
    const loads = await scene.underLoad(4_000, async () => {
      const [from, to] = cluster.masters
      if (from === undefined || to === undefined) throw new Error('three masters')
      for (const key of keys) {
        const slot = Number(await from.command('CLUSTER', 'KEYSLOT', key))
        if (slot > 5_460) continue
        await moveSlot(slot, from, to, cluster.masters)
        moved.push(slot)
      }
    })
    expect(moved.length).toBeGreaterThan(5)
    for (const load of loads) {
      expectUnharmed(load)
      expect(load).toMatchObject({ degraded: 0, events: [] })
    }
    for (const key of keys) {
      expect(await limiter.peek(key)).toMatchObject({ degraded: false, standings: [{ remaining: 6 }] })
    }
    await limiter.close()
  })

  it('of which a master is killed: decided without it, and by its replica in a while; what was replicated is kept', async () => {
    const prefix = aPrefix()
    const limiter = createLimiter({ policies: fixedWindow('10/day'), store: redisStore(cluster.url, { prefix }) })
    const told: string[] = []
    limiter.on('degraded', () => told.push('degraded'))
    limiter.on('recovered', () => told.push('recovered'))
    const keys = Array.from({ length: 60 }, (_, i) => `key-${i}`)
    for (const key of keys) await limiter.consume(key, { cost: 4 })
    await sleep(200)
    const loads = await scene.underLoad(9_000, async () => cluster.masters[2]?.kill('SIGKILL'))
    for (const load of loads) {
      expectUnharmed(load)
      expect(load.degraded).toBeGreaterThan(0)
      expect(load.lastDegraded).toBe(false)
      expect(load.events.at(-1)).toBe('recovered')
      // A few nodes, each told when it fails and when it is back: no flapping.
      expect(load.events.length).toBeLessThanOrEqual(12)
    }
    for (const key of keys) {
      expect(await limiter.peek(key)).toMatchObject({ degraded: false, standings: [{ remaining: 6 }] })
    }
    await limiter.close()
  })
})

/** As redis-cli --cluster reshard does it. */
async function moveSlot(slot: number, from: RedisServer, to: RedisServer, all: readonly RedisServer[]): Promise<void> {
  const [fromId, toId] = [await from.command('CLUSTER', 'MYID'), await to.command('CLUSTER', 'MYID')]
  await to.command('CLUSTER', 'SETSLOT', slot, 'IMPORTING', String(fromId))
  await from.command('CLUSTER', 'SETSLOT', slot, 'MIGRATING', String(toId))
  for (;;) {
    const names = (await from.command('CLUSTER', 'GETKEYSINSLOT', slot, 100)) as string[]
    if (names.length === 0) break
    await from.command('MIGRATE', '127.0.0.1', to.port, '', 0, 2_000, 'KEYS', ...names)
  }
  for (const node of all) await node.command('CLUSTER', 'SETSLOT', slot, 'NODE', String(toId))
}
