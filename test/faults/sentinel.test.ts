import { setTimeout as sleep } from 'node:timers/promises'
import { createLimiter, fixedWindow } from '@sluice/core'
import { storeSpec } from '@sluice/core/testing'
import { redisStore } from '@sluice/redis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type RedisSentinels, startSentinels } from '../redis/servers.ts'
import { aPrefix } from '../redis/stores.ts'
import { expectUnharmed, Scene } from './scene.ts'

let sentinels: RedisSentinels
let scene: Scene
beforeAll(async () => {
  sentinels = await startSentinels()
  scene = new Scene(sentinels.url)
})
afterAll(async () => {
  await scene.end()
  await sentinels.stop()
})

describe('the store behind Sentinels', () => {
  for (const { title, run } of storeSpec((clock) => redisStore(sentinels.url, { clock, prefix: aPrefix() })))
    it(title, run)

  it('goes to the new master when the old one is killed', async () => {
    const limiter = createLimiter({
      policies: fixedWindow('10/day'),
      store: redisStore(sentinels.url, { prefix: aPrefix() }),
    })
    limiter.on('degraded', () => undefined)
    limiter.on('recovered', () => undefined)
    await limiter.consume('a', { cost: 4 })
    await sleep(200)
    const loads = await scene.underLoad(9_000, async () => sentinels.master.kill('SIGKILL'))
    for (const load of loads) {
      expectUnharmed(load)
      expect(load.degraded).toBeGreaterThan(0)
      expect(load.lastDegraded).toBe(false)
      expect(load.events.at(-1)).toBe('recovered')
    }
    expect(await limiter.peek('a')).toMatchObject({ degraded: false, standings: [{ remaining: 6 }] })
    expect(String(await sentinels.replica.command('ROLE'))).toMatch(/^master/)
    await limiter.close()
  })
})
