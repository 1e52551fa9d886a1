import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { createLimiter, memoryStore, type Store } from '../index.ts'

const ends: (() => unknown)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

function heardOn(channel: string): unknown[] {
  const heard: unknown[] = []
  const listener = (message: unknown): void => {
    heard.push(message)
  }
  subscribe(channel, listener)
  ends.push(() => unsubscribe(channel, listener))
  return heard
}

/** A store that answers later, as one on a server does, and can be away. */
function elsewhere(): { store: Store; state: { isDown: boolean } } {
  const memory = memoryStore()
  const state = { isDown: false }
  const store = new Proxy(memory, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target)
      if (name === 'url') return 'redis://example:6379'
      if (typeof value !== 'function') return value
      return (...args: unknown[]) =>
        state.isDown
          ? Promise.reject(new Error('connection refused'))
          : Promise.resolve(Reflect.apply(value, target, args))
    },
  })
  return { store: store as Store, state }
}

describe('the diagnostics channels', () => {
  it('carry denials, whoever else listens', () => {
    const heard = heardOn('sluice:denied')
    const limiter = createLimiter({ name: 'login', policies: '1/min' })
    limiter.consume('a')
    expect(heard).toEqual([])
    const decision = limiter.consume('a')
    expect(heard).toEqual([{ limit: 'login', decision, request: undefined, route: undefined, shadow: false }])
  })

  it('carry shares of quotas that are crossed', () => {
    const heard = heardOn('sluice:quota')
    const limiter = createLimiter({ name: 'calls', policies: '10/day', warnAt: 0.5 })
    for (let i = 0; i < 9; i++) limiter.consume('org-7')
    expect(heard).toMatchObject([{ limit: 'calls', policy: { name: 'calls' }, key: 'org-7', share: 0.5, used: 5 }])
  })

  it('carry bans', async () => {
    const heard = heardOn('sluice:ban')
    const ban = { after: 2, within: '1min', for: '1h' } as const
    const limiter = createLimiter({ name: 'login', policies: '1/min', ban })
    for (let i = 0; i < 4; i++) limiter.consume('a')
    await expect.poll(() => heard).toMatchObject([{ limit: 'login', key: 'a', until: expect.any(Number), times: 1 }])
  })

  it('carry how a store answers, fails and recovers', async () => {
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
    ends.push(() => warned.mockRestore())
    const heard = heardOn('sluice:store')
    const { store, state } = elsewhere()
    const limiter = createLimiter({ name: 'api', policies: '10/min', store })
    ends.push(() => limiter.close())
    await limiter.consume('a')
    state.isDown = true
    await limiter.consume('a')
    state.isDown = false
    const names = (): unknown[] => heard.map((message) => (message as { event: string }).event)
    await expect.poll(names, { timeout: 10_000 }).toContain('recovered')
    expect(heard[0]).toEqual({
      store: 'redis://example:6379',
      event: 'answered',
      operation: 'consume',
      tookMs: expect.any(Number),
    })
    expect(heard).toContainEqual({
      store: 'redis://example:6379',
      event: 'failed',
      operation: 'consume',
      fault: 'connection',
    })
    expect(heard).toContainEqual(expect.objectContaining({ event: 'degraded', part: '' }))
  })
})
