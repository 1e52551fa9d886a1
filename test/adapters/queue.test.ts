import { once } from 'node:events'
import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { concurrency, type Decision, memoryStore, type QueueOptions, type Store, sluice } from '@sluice/express'
import { redisStore } from '@sluice/redis'
import express from 'express'
import { afterEach, describe, expect, inject, it } from 'vitest'
import { until } from '../redis/servers.ts'
import { aPrefix } from '../redis/stores.ts'

const served: Server[] = []

afterEach(() => {
  for (const server of served.splice(0)) {
    server.closeAllConnections()
    server.close()
  }
})

/** One slot, which requests to `/wait` hold until they are answered from here. */
async function serve(store: Store, queue: QueueOptions) {
  const limit = sluice({ store, timeoutMs: 5_000 })
  const gate = limit(concurrency(1, { queue }), { name: 'gate', key: () => 'all' })
  const open: ServerResponse[] = []
  const app = express().use(gate)
  app.get('/wait', (_req, res) => void open.push(res))
  const server = createServer(app).listen(0)
  served.push(server)
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/wait`
  const get = async (): Promise<number> => (await fetch(url)).status
  return { limit, gate, open, get }
}

/** Memory that answers later than many requests come. */
function slowStore(): Store {
  const memory = memoryStore()
  return {
    consume: (asks) => pause(50).then(() => memory.consume(asks)),
    consumeOnce: async (asks, once) => memory.consumeOnce(asks, once),
    peek: async (asks) => memory.peek(asks),
    edit: async (change) => memory.edit(change),
    refund: async (returns, once) => memory.refund(returns, once),
    renew: async (renewals) => memory.renew(renewals),
    readTexts: async (known) => memory.readTexts(known),
    writeText: async (entry) => memory.writeText(entry),
    reset: async (policies, keys, scope) => memory.reset(policies, keys, scope),
    clear: async (policies) => memory.clear(policies),
    close: () => memory.close(),
  }
}

const stores: Readonly<Record<string, () => Store>> = {
  memory: () => memoryStore(),
  'a slow store': slowStore,
  Redis: () => redisStore(inject('redisUrl'), { prefix: aPrefix() }),
}

describe.each(Object.entries(stores))('a queue over %s', (_title, makeStore) => {
  it('takes no more than its size, however many come at once', async () => {
    const { limit, open, get } = await serve(makeStore(), { size: 3, timeoutMs: 10_000 })
    const first = get()
    await until(() => open.length === 1)
    const statuses: number[] = []
    const others = Array.from({ length: 20 }, () => get().then((status) => statuses.push(status)))
    await until(() => statuses.length === 17)
    expect(new Set(statuses)).toEqual(new Set([429]))
    for (let i = 0; i < 4; i++) {
      await until(() => open.length === 1)
      open.shift()?.end()
    }
    expect(await first).toBe(200)
    await Promise.all(others)
    expect(statuses.filter((status) => status === 200)).toHaveLength(3)
    await limit.close()
  })

  it('turns away all who wait when the store is closed', async () => {
    const { limit, open, get } = await serve(makeStore(), { timeoutMs: 600_000 })
    get().catch(() => undefined)
    await until(() => open.length === 1)
    const waiting = [get(), get()]
    // Over a slow store, each is denied once before it waits.
    await pause(250)
    await limit.close()
    expect(await Promise.all(waiting)).toEqual([429, 429])
  })

  it('says by which override it turned somebody away', async () => {
    const { limit, gate, open, get } = await serve(makeStore(), { timeoutMs: 50 })
    await gate.override('all', [concurrency(1, { queue: { timeoutMs: 50 } })], { reason: 'launch' })
    const decisions: Decision[] = []
    limit.on('decision', ({ decision }) => decisions.push(decision))
    get().catch(() => undefined)
    await until(() => open.length === 1)
    expect(await get()).toBe(429)
    expect(decisions.at(-1)?.override?.reason).toBe('launch')
    await limit.close()
  })
})

describe('the first who waits in a process', () => {
  it('gets a slot soon that another process has released', async () => {
    const prefix = aPrefix()
    const [here, there] = [0, 1].map(() => redisStore(inject('redisUrl'), { prefix }))
    if (here === undefined || there === undefined) throw new Error('two were made')
    const elsewhere = await serve(there, {})
    const { limit, open, get } = await serve(here, { timeoutMs: 900 })
    const holder = elsewhere.get()
    await until(() => elsewhere.open.length === 1)
    const waiting = get()
    await pause(100)
    elsewhere.open[0]?.end()
    expect(await holder).toBe(200)
    await until(() => open.length === 1)
    open[0]?.end()
    expect(await waiting).toBe(200)
    await Promise.all([limit.close(), elsewhere.limit.close()])
  })
})

describe('slots while the store is unavailable', () => {
  const unreachable = () => redisStore('redis://127.0.0.1:1', { prefix: aPrefix() })

  async function serveWithout(onStoreError: 'local' | 'deny', queue: QueueOptions | undefined) {
    const limit = sluice({ store: unreachable(), onStoreError })
    for (const event of ['degraded', 'recovered', 'error'] as const) limit.on(event, () => undefined)
    const open: ServerResponse[] = []
    const app = express().use(limit(concurrency(1, { queue }), { name: 'gate', key: () => 'all' }))
    app.get('/', (_req, res) => void open.push(res))
    const server = createServer(app).listen(0)
    served.push(server)
    await once(server, 'listening')
    return { limit, open, get: () => fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}`) }
  }

  it('are those of this process: a denial is still the client’s', async () => {
    const { limit, open, get } = await serveWithout('local', undefined)
    const first = get()
    await until(() => open.length === 1)
    const denied = await get()
    expect(denied.status).toBe(429)
    expect(await denied.json()).toMatchObject({ detail: expect.stringContaining('(1 at a time) is full') })
    open[0]?.end()
    expect((await first).status).toBe(200)
    await limit.close()
  })

  it('are not waited for where nobody can decide', async () => {
    const { limit, get } = await serveWithout('deny', { timeoutMs: 60_000 })
    expect((await get()).status).toBe(503)
    await limit.close()
  })
})
