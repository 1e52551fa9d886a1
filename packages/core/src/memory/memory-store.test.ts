import { createHash } from 'node:crypto'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { createLimiter, fixedWindow, memoryStore, slidingLog, slidingWindow, tokenBucket } from '../index.ts'

setFlagsFromString('--expose-gc')
const collect: () => void = runInNewContext('gc')

afterEach(() => {
  vi.useRealTimers()
})

describe('the memory store', () => {
  it('never holds more than maxKeys, however many come', () => {
    const store = memoryStore({ maxKeys: 1_000 })
    const limiter = createLimiter({ policies: '10/min', store })
    for (let key = 0; key < 20_000; key++) limiter.consume(`key-${key}`)
    expect(store.size).toBe(1_000)
  })

  it('goes on denying who is denied while a flood of new keys washes through', () => {
    const store = memoryStore({ maxKeys: 1_000 })
    const limiter = createLimiter({ policies: '10/min', store })
    while (limiter.consume('attacker').allowed);
    for (let key = 0; key < 50_000; key++) limiter.consume(`key-${key}`)
    expect(limiter.consume('attacker').allowed).toBe(false)
  })

  it('tells long keys apart, also by halves of characters, and from what others hash to', () => {
    const store = memoryStore()
    const limiter = createLimiter({ policies: '1/min', store })
    const long = 'x'.repeat(300)
    for (const key of [long, `${long}\ud800`, `${long}\ud801`]) expect(limiter.consume(key).allowed).toBe(true)
    const hashes = ['utf8', 'utf16le'].map((encoding) =>
      createHash('sha256')
        .update(long, encoding as BufferEncoding)
        .digest('base64url'),
    )
    for (const hash of hashes) expect(limiter.consume(`\0${hash}`).allowed).toBe(true)
  })

  it('gives up expired buckets before live ones', () => {
    let now = 0
    const store = memoryStore({ maxKeys: 100, clock: () => now })
    const short = createLimiter({ policies: fixedWindow('10/s'), store })
    for (let key = 0; key < 90; key++) short.consume(`old-${key}`)
    now = 2_000
    for (let key = 0; key < 60; key++) short.consume(`new-${key}`)
    const kept = Array.from({ length: 60 }, (_, key) => short.peek(`new-${key}`, { cost: 10 }).allowed)
    expect(kept).not.toContain(true)
  })

  it('takes the room from the policy that has most of it', () => {
    const store = memoryStore({ maxKeys: 100 })
    const login = createLimiter({ policies: '1/min', name: 'login', store })
    const pages = createLimiter({ policies: '100/min', name: 'pages', store })
    for (let key = 0; key < 20; key++) login.consume(`user-${key}`)
    for (let key = 0; key < 10_000; key++) pages.consume(`visitor-${key}`)
    for (let key = 0; key < 20; key++) expect(login.consume(`user-${key}`).allowed).toBe(false)
  })

  it('I12 is empty again after a million keys and a pause, without being asked', async () => {
    vi.useFakeTimers()
    let now = 0
    const store = memoryStore({ clock: () => now })
    const limiter = createLimiter({ policies: slidingWindow('10/s'), store })
    collect()
    const before = process.memoryUsage()
    for (let key = 0; key < 1_000_000; key++) limiter.consume(`key-${key}`)
    expect(store.size).toBe(1_000_000)
    now = 10_000
    while (store.size > 0) vi.advanceTimersToNextTimer()
    expect(vi.getTimerCount()).toBeLessThanOrEqual(1)
    vi.useRealTimers()
    await vi.waitFor(() => {
      collect()
      const after = process.memoryUsage()
      expect(after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers).toBeLessThan(8_000_000)
    })
  })

  it('opens buckets as fast in a store that was large once', () => {
    vi.useFakeTimers()
    let now = 0
    const store = memoryStore({ clock: () => now })
    const limiter = createLimiter({ policies: fixedWindow('10/s'), store })
    for (let key = 0; key < 300_000; key++) limiter.consume(`key-${key}`)
    now = 2_000
    limiter.consume('key-0')
    while (store.size > 1) vi.advanceTimersToNextTimer()
    vi.useRealTimers()
    const began = process.hrtime.bigint()
    for (let key = 0; key < 5_000; key++) {
      now += 400
      limiter.consume(`new-${key}`)
    }
    expect(Number(process.hrtime.bigint() - began) / 1e6).toBeLessThan(500)
  })

  it('is rid of what has expired in minutes, however many tables it has', async () => {
    vi.useFakeTimers()
    const store = memoryStore()
    for (let table = 0; table < 200; table++)
      createLimiter({ policies: '9/day', name: `t${table}`, store }).consume('a')
    const short = createLimiter({ policies: '5/s', name: 'short', store })
    for (let key = 0; key < 50_000; key++) short.consume(`key-${key}`)
    await vi.advanceTimersByTimeAsync(30 * 60_000)
    expect(store.size).toBe(200)
  })

  it('lets fake timers run out, whether its clock moves with them or stands still', async () => {
    vi.useFakeTimers()
    const stopped = memoryStore({ clock: () => 0 })
    for (const store of [memoryStore(), stopped]) createLimiter({ policies: '1/week', store }).consume('a')
    await vi.runAllTimersAsync()
    expect(stopped.size).toBe(1)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('keeps no timer while it is empty, and none after it is closed', () => {
    vi.useFakeTimers()
    const store = memoryStore()
    const limiter = createLimiter({ policies: '1/s', store })
    limiter.peek('a')
    expect(vi.getTimerCount()).toBe(0)
    limiter.consume('a')
    expect(vi.getTimerCount()).toBe(1)
    limiter.close()
    expect(vi.getTimerCount()).toBe(0)
    expect(store.size).toBe(0)
  })

  it('opens no bucket for a peek, a cost of 0 or a cost that can never pass', () => {
    const store = memoryStore()
    const limiter = createLimiter({ policies: tokenBucket('10/s'), store })
    limiter.peek('a')
    limiter.consume('a', { cost: 0 })
    limiter.consume('a', { cost: 11 })
    expect(store.size).toBe(0)
  })

  it('opens no bucket for one policy when another denies', () => {
    const store = memoryStore()
    createLimiter({ policies: ['1/min', '5/h'], store }).consume('a', { cost: 2 })
    expect(store.size).toBe(0)
  })

  it('costs a short key for a long one', () => {
    const limiter = createLimiter({ policies: '10/min' })
    collect()
    const before = process.memoryUsage().heapUsed
    for (let key = 0; key < 100; key++) limiter.consume(`${key}-${'x'.repeat(1_000_000)}`)
    collect()
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(5_000_000)
  })

  it('keeps no large text alive for a short part of it', () => {
    const limiter = createLimiter({ policies: '10/min' })
    collect()
    const before = process.memoryUsage().heapUsed
    for (let key = 0; key < 100; key++) {
      const header = `${key}, ${Buffer.alloc(1_000_000, 'x').toString('latin1')}`
      limiter.consume(header.slice(0, 20))
    }
    collect()
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(5_000_000)
  })

  it('keeps logs apart, and forgets them', () => {
    let now = 0
    const store = memoryStore({ maxKeys: 10, clock: () => now })
    const limiter = createLimiter({ policies: slidingLog('3/s'), store })
    for (let key = 0; key < 30; key++) {
      for (let take = 0; take < 3; take++) expect(limiter.consume(`key-${key}`).allowed).toBe(true)
      expect(limiter.consume(`key-${key}`).allowed).toBe(false)
    }
    expect(store.size).toBe(10)
    now = 1_000
    expect(limiter.consume('key-29').standings[0]?.remaining).toBe(2)
  })
})

describe('a store of several plans', () => {
  it('keeps who is denied on a small plan through a flood of keys on a large one', () => {
    const store = memoryStore({ maxKeys: 1_000 })
    const small = createLimiter({ policies: tokenBucket('5/h'), store })
    const large = createLimiter({ policies: tokenBucket('1000/h'), store })
    while (small.consume('denied').allowed);
    for (let key = 0; key < 20_000; key++) large.consume(`flood-${key}`, { cost: 10 })
    expect(small.consume('denied').allowed).toBe(false)
    expect(store.size).toBe(1_000)
  })

  it('keeps buckets by their names when it grows out of one Map', () => {
    const store = memoryStore()
    const limiter = createLimiter({ policies: ['20/h', slidingLog('3/h', { name: 'log' })], store })
    for (let turn = 0; turn < 3; turn++) {
      for (let key = 0; key < 12_000; key++) limiter.consume(`2001:db8:0:${key.toString(16)}::/64`)
    }
    expect(store.size).toBe(24_000)
    for (const key of [0, 5_000, 8_191, 8_192, 11_999]) {
      const { allowed, standings } = limiter.peek(`2001:db8:0:${key.toString(16)}::/64`)
      expect([allowed, ...standings.map(({ remaining }) => remaining)]).toEqual([false, 17, 0])
    }
    limiter.reset('2001:db8:0:0::/64')
    expect(limiter.peek('2001:db8:0:0::/64').allowed).toBe(true)
  })

  it('opens a bucket as fast beside ten thousand other policies, and forgets those that are empty', () => {
    vi.useFakeTimers()
    let now = 0
    const store = memoryStore({ clock: () => now })
    for (let name = 0; name < 10_000; name++) createLimiter({ policies: '20/s', name: `n${name}`, store }).consume('a')
    const limiter = createLimiter({ policies: '20/s', store })
    const began = process.hrtime.bigint()
    for (let key = 0; key < 5_000; key++) limiter.consume(`key-${key}`)
    expect(Number(process.hrtime.bigint() - began) / 1e6).toBeLessThan(500)
    now = 10_000
    while (store.size > 0) vi.advanceTimersToNextTimer()
    limiter.consume('key-0')
    expect(store.size).toBe(1)
    vi.useRealTimers()
  })

  it('refuses a limit of more policies than it has buckets', () => {
    const store = memoryStore({ maxKeys: 1 })
    expect(() => createLimiter({ policies: ['10/s', '1000/day'], store })).toThrow(
      'a store of 1 buckets cannot hold a limit of 2 policies',
    )
  })
})
