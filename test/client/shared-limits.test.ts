import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, inject, it } from 'vitest'
import { aPrefix } from '../redis/stores.ts'
import { type Noted, noted } from './servers.ts'

const PROCESSES = 8

let server: Noted
afterEach(() => server.stop())

async function callFromAll(limits: string, calls: number): Promise<number[]> {
  const setup = { url: server.url, redis: inject('redisUrl'), prefix: aPrefix(), calls, limits }
  const file = fileURLToPath(new URL('shared-caller.mjs', import.meta.url))
  const callers = Array.from({ length: PROCESSES }, () => fork(file, [JSON.stringify(setup)], { execArgv: [] }))
  await Promise.all(callers.map((caller) => once(caller, 'message')))
  const answers = callers.map((caller) => once(caller, 'message'))
  const exits = callers.map((caller) => once(caller, 'exit'))
  for (const caller of callers) caller.send('go')
  const statuses = (await Promise.all(answers)).flatMap(([of]) => of as number[])
  await Promise.all(exits)
  return statuses
}

describe('eight processes that share a limit over Redis', () => {
  it('never send more than it lets through, as the server counts it', async () => {
    server = await noted((_req, res) => res.end('ok'))
    const statuses = await callFromAll('10/2s', 4)
    expect(statuses).toHaveLength(PROCESSES * 4)
    expect(statuses.every((status) => status === 200)).toBe(true)
    const times = server.requests.filter(({ path }) => path !== '/warm').map(({ at }) => at)
    expect(times).toHaveLength(PROCESSES * 4)
    // Exact in any two seconds; what is decided in them arrives a little later on a busy machine.
    for (const [i, at] of times.entries()) {
      const within = times.slice(i).filter((time) => time < at + 1_800)
      expect(within.length).toBeLessThanOrEqual(10)
    }
    expect((times.at(-1) ?? 0) - (times[0] ?? 0)).toBeGreaterThan(5_900)
  })
})
