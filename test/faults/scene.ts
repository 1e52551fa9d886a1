import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import { type RedisServer, startRedis, until } from '../redis/servers.ts'
import { type Load, type ServerProcess, type Setup, startProcess } from './processes.ts'

export const TIMEOUT_MS = 200

/** Server processes over a store, gone when the test is over, however it ended. */
export class Scene {
  readonly #url: string
  readonly #processes: ServerProcess[] = []

  constructor(url: string) {
    this.#url = url
  }

  async start(count: number, setup: Partial<Setup> = {}): Promise<ServerProcess[]> {
    const policies = [['tokenBucket', '1M/day']] as const
    const whole = { url: this.#url, prefix: 'test', policies, timeoutMs: TIMEOUT_MS, ...setup }
    const started = await Promise.all(Array.from({ length: count }, () => startProcess(whole)))
    this.#processes.push(...started)
    return started
  }

  /** Load from two processes, and something that happens a while into it. */
  async underLoad(ms: number, fault: () => Promise<unknown>, setup: Partial<Setup> = {}): Promise<Load[]> {
    const servers = await this.start(2, setup)
    await Promise.all(servers.map((one) => one.crowd({ key: 'warm', count: 50 })))
    // A process that has just begun may be late on a busy machine: that is not the fault that is looked at.
    for (const one of servers) {
      await until(async () => (await one.crowd({ key: 'warm', count: 1 })).degraded === 0)
      await one.events()
    }
    const loads = servers.map((one) => one.load({ ms, clients: 10, keys: 500 }))
    await sleep(500)
    await fault()
    return Promise.all(loads)
  }

  async end(): Promise<void> {
    await Promise.all(this.#processes.map((one) => one.kill()))
  }
}

/** A scene on a Redis of its own. */
export async function onRedis(play: (scene: Scene, redis: RedisServer) => Promise<void>): Promise<void> {
  const redis = await startRedis()
  const scene = new Scene(redis.url)
  try {
    await play(scene, redis)
  } finally {
    await scene.end()
    await redis.stop()
  }
}

/** Whatever happens to the store, this holds for the requests. */
export function expectUnharmed(load: Load): void {
  expect(load.failures).toEqual([])
  // The timeout, a turn of the loop, and what a busy machine adds to both.
  expect(load.slowestMs).toBeLessThan(TIMEOUT_MS + 250)
  expect(load.longestStallMs).toBeLessThan(200)
  expect(load.decisions).toBeGreaterThan(1_000)
}

/** One outage, told once, and over. */
export function expectOneOutage(load: Load, why: RegExp): void {
  expectUnharmed(load)
  expect(load.degraded).toBeGreaterThan(0)
  expect(load.lastDegraded).toBe(false)
  expect(load.events).toEqual([expect.stringMatching(why), 'recovered'])
}
