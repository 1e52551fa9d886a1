import { storeSpec } from '@sluice/core/testing'
import { createStore, memoryStore, type OnStoreError, type Store, sluice } from '@sluice/express'
import { type FlakyOptions, flakyStore, isolated } from '@sluice/testing'
import express, { type Express } from 'express'
import request from 'supertest'
import { afterAll, describe, expect, inject, it } from 'vitest'

const closing: Store[] = []
afterAll(() => Promise.all(closing.map((store) => store.close())))

function app(store: Store | string, onStoreError: OnStoreError = 'local', timeoutMs = 50): Express {
  const limit = sluice({ store, onStoreError, timeoutMs })
  closing.push(limit.store)
  // Otherwise each outage is a process warning.
  limit.on('degraded', () => undefined)
  limit.on('error', () => undefined)
  return express().get('/', limit('2/min', { name: 'home' }), (_request, response) => response.send('ok'))
}

const statuses = async (asked: Express, count: number): Promise<number[]> => {
  const found: number[] = []
  for (let i = 0; i < count; i++) found.push((await request(asked).get('/')).status)
  return found
}

describe('a flaky store', () => {
  describe.each([
    ['that fails', { errors: 1 }],
    ['that never answers', { timeouts: 1 }],
    ['that is too slow', { latency: 400 }],
  ] as [string, FlakyOptions][])('%s', (_what, options) => {
    it.each([
      ['allow', [200, 200, 200]],
      ['deny', [503, 503, 503]],
      ['local', [200, 200, 429]],
    ] as [OnStoreError, number[]][])("shows what onStoreError: '%s' does", async (onStoreError, expected) => {
      expect(await statuses(app(flakyStore(memoryStore(), options), onStoreError), 3)).toEqual(expected)
    })
  })

  it('is like its store where nothing goes wrong', async () => {
    expect(await statuses(app(flakyStore(memoryStore(), { latency: [1, 3] })), 3)).toEqual([200, 200, 429])
  })

  it('goes wrong at the same calls with the same seed', async () => {
    const outcome = async (seed: number): Promise<string> => {
      const store = flakyStore(memoryStore(), { errors: 0.5, seed })
      const calls = Array.from({ length: 32 }, () =>
        Promise.resolve(store.peek([])).then(
          () => '.',
          () => 'x',
        ),
      )
      return (await Promise.all(calls)).join('')
    }
    const first = await outcome(7)
    expect(first).toMatch(/x/)
    expect(first).toMatch(/\./)
    expect(await outcome(7)).toBe(first)
    expect(await outcome(8)).not.toBe(first)
  })

  it('goes wrong where a function says so, by method and number', async () => {
    let isDown = false
    const seen: unknown[] = []
    const store = flakyStore('memory:', {
      errors: (method, call) => {
        seen.push([method, call])
        return isDown
      },
    })
    await store.peek([])
    isDown = true
    await expect(store.clear()).rejects.toThrow('flakyStore(): clear failed, as it was asked to.')
    isDown = false
    await store.clear()
    expect(seen).toEqual([
      ['peek', 1],
      ['clear', 2],
      ['clear', 3],
    ])
  })

  it('shows what its store shows of itself', async () => {
    const plain = memoryStore()
    const store = flakyStore(plain)
    expect(store.maxKeys).toBe(plain.maxKeys)
    expect(store.stats?.()).toEqual(plain.stats?.())
    expect(store.textsVersion).toBe(plain.textsVersion)
    expect('partOf' in store).toBe('partOf' in plain)
  })

  it.each([
    [{}, {}, /flakyStore\(\) takes a Store/],
    ['memory:', { errors: 2 }, /errors: expected a share of the calls from 0 to 1/],
    ['memory:', { latency: [3, 1] }, /latency: expected milliseconds/],
    ['memory:', { timeout: 1 }, /no option "timeout". Did you mean "timeouts"/],
    ['memory:', { seed: -1 }, /seed: expected a whole number/],
  ])('refuses %j with %j', (store, options, message) => {
    expect(() => flakyStore(store as Store, options as FlakyOptions)).toThrow(message)
  })
})

describe('a flaky store without faults', () => {
  const cases = storeSpec((clock) => flakyStore(memoryStore({ clock })))
  it.each(cases)('$title', ({ run }) => run())
})

describe('an isolated store', () => {
  it('has a prefix of its own on the same Redis', async () => {
    const url = inject('redisUrl')
    const [one, other] = [isolated(url), isolated(url)]
    expect(one.url).toBe(`${url}?prefix=${one.prefix}`)
    expect(one.prefix).not.toBe(other.prefix)
    const [first, second] = [app(one.url, 'deny', 1_000), app(other.url, 'deny', 1_000)]
    expect(await statuses(first, 3)).toEqual([200, 200, 429])
    expect(await statuses(second, 1)).toEqual([200])
    await one.clear()
    expect(await statuses(app(one.url, 'deny', 1_000), 1)).toEqual([200])
    const left = createStore(other.url)
    closing.push(left)
    expect(await statuses(app(other.url, 'deny', 1_000), 2)).toEqual([200, 429])
    await other[Symbol.asyncDispose]()
  })

  it('is memory where there is no Redis', async () => {
    const own = isolated(undefined)
    expect(own).toMatchObject({ url: 'memory:', prefix: undefined })
    expect(await statuses(app(own.url), 3)).toEqual([200, 200, 429])
    await own.clear()
  })

  it.each([
    ['redis://localhost?prefix=a', /has a query already/],
    ['http://user:secret@localhost', /and got another URL\.$/],
    ['', /and got another URL/],
    [memoryStore(), /takes the URL of a store, .* got an object/],
  ])('refuses %s', (url, message) => {
    expect(() => isolated(url as string)).toThrow(message)
  })
})
