import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { createLimiter, memoryStore } from '@sluice/core'
import { dashboard } from '@sluice/dashboard'
import { createMetrics } from '@sluice/metrics'
import { quota } from '@sluice/quota'
import { redisStore } from '@sluice/redis'
import { Redis } from 'ioredis'
import { afterEach, describe, expect, inject, it, vi } from 'vitest'
import { listening } from './apps.ts'

const ends: (() => unknown)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

let prefixes = 0
const aPrefix = (): string => `dash-${process.pid}-${prefixes++}`

interface Overview {
  readonly servers: number
  readonly limits: readonly {
    readonly name: string
    readonly allowed: readonly number[]
    readonly denied: readonly number[]
  }[]
}

async function overviewOf(page: ReturnType<typeof dashboard>): Promise<Overview> {
  const { url, close } = await listening((req, res) => page(req, res))
  const answer = (await (await fetch(`${url}/api/overview`)).json()) as Overview
  await close()
  return answer
}

const sum = (numbers: readonly number[] = []): number => numbers.reduce((all, one) => all + one, 0)

describe('what is kept in the store', () => {
  it('is added in one call of each process in five seconds', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    ends.push(() => vi.useRealTimers())
    const memory = memoryStore()
    const added = vi.spyOn(memory, 'addCounts')
    const limiter = createLimiter({ name: 'jobs', policies: '5/min', store: memory })
    const page = dashboard(limiter)
    ends.push(() => page.close())
    for (let i = 0; i < 1_000; i++) limiter.consume('a')
    await vi.advanceTimersByTimeAsync(4_999)
    expect(added).not.toHaveBeenCalled()
    await vi.advanceTimersByTimeAsync(1)
    expect(added).toHaveBeenCalledTimes(1)
    await vi.advanceTimersByTimeAsync(10_000)
    expect(added).toHaveBeenCalledTimes(3)
  })

  it('is nothing until a dashboard is made', async () => {
    const store = redisStore(inject('redisUrl'), { prefix: aPrefix() })
    const limiter = createLimiter({ name: 'jobs', policies: '5/min', store })
    ends.push(() => limiter.close())
    await limiter.consume('a')
    expect([...((await store.readCounts?.([`p:${Math.floor(Date.now() / 60_000)}`]))?.[0] ?? [])]).toEqual([])
  })

  it('is what metrics count that an app has already, from then on', async () => {
    const limiter = createLimiter({ name: 'jobs', policies: '5/min' })
    const metrics = createMetrics(limiter)
    for (let i = 0; i < 3; i++) limiter.consume('a')
    const page = dashboard(limiter, { metrics })
    limiter.consume('a')
    const { limits } = await overviewOf(page)
    expect(sum(limits[0]?.allowed)).toBe(1)
    await page.close()
    limiter.consume('a')
    expect(metrics.text()).toContain('result="allowed",reason=""} 5')
    expect(() => dashboard(limiter, { metrics: {} as never })).toThrow(
      'metrics: expected what createMetrics() returned',
    )
  })

  it('adds up over processes, and is not counted twice where adding fails', async () => {
    const store = memoryStore()
    const limiters = ['a', 'b'].map(() => createLimiter({ name: 'jobs', policies: '5/min', store }))
    const pages = limiters.map((limiter) => dashboard(limiter))
    // A second one of the same limit counts nothing twice.
    const other = dashboard(limiters[0] ?? {})
    ends.push(() => other.close())
    ends.push(() => Promise.all(pages.map((page) => page.close())))
    for (const limiter of limiters) for (let i = 0; i < 4; i++) limiter.consume('a')
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
    ends.push(() => warned.mockRestore())
    const failing = vi.spyOn(store, 'addCounts').mockImplementationOnce(() => {
      throw new Error('no room')
    })
    for (const page of pages) await page.flush()
    expect(warned.mock.calls[0]?.[0]).toBe('The dashboard’s history could not be kept: no room')
    failing.mockRestore()
    for (const page of [...pages, other]) await page.flush()
    const [page] = pages
    if (page === undefined) throw new Error('none')
    const { servers, limits } = await overviewOf(page)
    expect(servers).toBe(2)
    expect([sum(limits[0]?.allowed), sum(limits[0]?.denied)]).toEqual([5, 3])
  })

  it('expires, and takes the room in Redis that docs/dashboard.md says', async () => {
    const prefix = aPrefix()
    const client = new Redis(inject('redisUrl'))
    const store = redisStore(inject('redisUrl'), { prefix })
    const limiters = Array.from({ length: 10 }, (_, i) =>
      createLimiter({ name: `limit-${i}`, policies: ['10/s', '1000/h'], store }),
    )
    const page = dashboard(limiters)
    ends.push(
      () => client.disconnect(),
      () => store.close(),
      () => page.close(),
    )
    // An hour's minutes: the same slots again, with all that a limit can have in one.
    const tables = `${prefix}:{#}:counts:`
    for (const limiter of limiters) for (let i = 0; i < 12; i++) await limiter.consume(`key-${i % 3}`)
    await page.flush()
    const names = (await client.keys(`${tables}*`)).sort()
    expect(names.map((name) => name.slice(tables.length, tables.length + 2))).toEqual([
      'c:',
      'd:',
      'h:',
      'k:',
      'm:',
      'p:',
    ])
    for (const name of names) expect(await client.ttl(name)).toBeGreaterThan(60)
    const ofMinute = await client.memory('USAGE', names.find((name) => name.includes(':m:')) ?? '', 'SAMPLES', 0)
    const bytes = (ofMinute ?? 0) / limiters.length
    // docs/dashboard.md: up to 1 kB for each limit and minute, three hours of them.
    expect(bytes).toBeLessThan(1_024)
    const all = await Promise.all(names.map((name) => client.memory('USAGE', name, 'SAMPLES', 0)))
    expect(sum(all.map((one) => one ?? 0))).toBeLessThan(100_000)
  })
})

describe('a store that is away', () => {
  it('is said so, and holds up neither the pages nor the end', async () => {
    const memory = memoryStore()
    const limiter = createLimiter({ name: 'jobs', policies: '5/min', store: memory })
    const never = (): Promise<never> => new Promise(() => undefined)
    const page = dashboard(limiter)
    vi.spyOn(memory, 'readCounts').mockImplementation(never as never)
    vi.spyOn(memory, 'addCounts').mockImplementation(never as never)
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
    ends.push(() => warned.mockRestore())
    const { url, close } = await listening((req, res) => page(req, res))
    ends.push(close)
    limiter.consume('a')
    const answer = await fetch(`${url}/api/overview`)
    expect([answer.status, await answer.json()]).toEqual([
      503,
      { error: 'The store does not answer: The store did not answer within 2000 ms.' },
    ])
    const live = await fetch(`${url}/api/live`)
    await page.close()
    // Its streams end with it.
    expect(await live.text()).toContain('retry: 2000')
    expect((await fetch(`${url}/api/live`)).status).toBe(503)
  })
})

describe('keys that a store hides', () => {
  it('do not stand in its tables either', async () => {
    const prefix = aPrefix()
    const client = new Redis(inject('redisUrl'))
    const store = redisStore(inject('redisUrl'), { prefix, hashKeys: 'a long secret text' })
    const limiter = createLimiter({ name: 'jobs', policies: '1/min', store })
    const page = dashboard(limiter)
    ends.push(
      () => client.disconnect(),
      () => store.close(),
      () => page.close(),
    )
    for (let i = 0; i < 5; i++) await limiter.consume('alice@example.com')
    await page.flush()
    const { url, close } = await listening((req, res) => page(req, res))
    ends.push(close)
    const headers = { 'content-type': 'application/json', 'x-sluice-action': '1' }
    const body = JSON.stringify({ action: 'reset', limit: 'jobs', key: 'alice@example.com' })
    expect((await fetch(`${url}/api/act`, { method: 'POST', headers, body })).status).toBe(200)
    const names = await client.keys(`${prefix}:{#}:counts:*`)
    expect(names.length).toBeGreaterThan(5)
    for (const name of names) expect(JSON.stringify(await client.hgetall(name))).not.toContain('alice')
  })
})

describe('a dashboard of its own process', () => {
  it('shows and changes the limits of servers that share a store', async () => {
    const prefix = aPrefix()
    const url = `${inject('redisUrl')}?prefix=${prefix}`
    const store = redisStore(inject('redisUrl'), { prefix })
    const limiter = createLimiter({ name: 'calls', policies: ['5/min', quota('100/month')], store })
    const page = dashboard(limiter)
    ends.push(() => page.close().then(() => limiter.close()))
    for (let i = 0; i < 8; i++) await limiter.consume('org-7')
    await page.flush()
    const cli = fileURLToPath(new URL('../../packages/dashboard/dist/cli.js', import.meta.url))
    const child = spawn(process.execPath, [cli, url, '--port', '0'], { stdio: ['ignore', 'pipe', 'inherit'] })
    ends.push(() => child.kill())
    const [line] = await once(createInterface(child.stdout), 'line')
    const address = /http:\S+/.exec(String(line))?.[0] ?? ''
    expect(line).toMatch(/^The dashboard of redis:\S+ is at http:\/\/localhost:\d+\/$/)
    const { servers, limits } = (await (await fetch(`${address}api/overview`)).json()) as Overview
    expect([servers, limits.map(({ name }) => name)]).toEqual([1, ['calls']])
    expect([sum(limits[0]?.allowed), sum(limits[0]?.denied)]).toEqual([5, 3])
    const key = (await (await fetch(`${address}api/key?key=org-7`)).json()) as {
      limits: { policies: { name: string; used: number }[] }[]
    }
    expect(key.limits[0]?.policies.map(({ name, used }) => [name, used])).toEqual([
      ['calls-1min', 5],
      ['calls-month', 5],
    ])
    const headers = { 'content-type': 'application/json', 'x-sluice-action': '1' }
    const body = JSON.stringify({ action: 'reset', limit: 'calls', key: 'org-7' })
    expect((await fetch(`${address}api/act`, { method: 'POST', headers, body })).status).toBe(200)
    // The denial that this process remembers is confirmed every ten seconds.
    await expect
      .poll(async () => (await limiter.consume('org-7')).allowed, { timeout: 15_000, interval: 500 })
      .toBe(true)
  })

  it('says how it is used where it is used otherwise, and what is wrong with a store', async () => {
    const cli = fileURLToPath(new URL('../../packages/dashboard/dist/cli.js', import.meta.url))
    const run = async (...args: string[]): Promise<readonly [number, string]> => {
      const child = spawn(process.execPath, [cli, ...args], { env: { ...process.env, SLUICE_STORE: '' } })
      let said = ''
      for (const stream of [child.stdout, child.stderr])
        stream.on('data', (chunk) => {
          said += chunk
        })
      const [code] = await once(child, 'exit')
      return [code, said]
    }
    expect(await run()).toEqual([
      2,
      expect.stringMatching(/^No store was named\.\n\nUsage: npx @sluice\/dashboard <store>/),
    ])
    expect(await run('--help')).toEqual([0, expect.stringContaining('Exit codes')])
    expect(await run('redis://localhost:6379', '--port', 'x')).toEqual([2, expect.stringContaining('got x')])
    expect(await run('--color')).toEqual([2, expect.stringContaining("Unknown option '--color'")])
    expect(await run('postgres://localhost')).toEqual([1, expect.stringContaining('postgres://… is not a store')])
    const [code, said] = await run('redis://127.0.0.1:1')
    expect([code, said]).toEqual([1, expect.stringContaining('127.0.0.1:1')])
  })
})
