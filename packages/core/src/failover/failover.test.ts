import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { headerFields, problem } from '../http/index.ts'
import {
  createLimiter,
  fixedWindow,
  type Limiter,
  leakyBucket,
  memoryStore,
  type Policy,
  type Store,
  StoreError,
  tokenBucket,
} from '../index.ts'
import { asSoft } from '../policies/policy.ts'

/** A store elsewhere, which is well, silent or broken as the test wants it. */
class Elsewhere implements Store {
  readonly url = 'test://store'
  readonly #inner = memoryStore()
  state: 'well' | 'silent' | 'broken' = 'well'
  asked = 0

  consume(...asked: Parameters<Store['consume']>) {
    return this.#answer(() => this.#inner.consume(...asked))
  }
  peek(...asked: Parameters<Store['peek']>) {
    return this.#answer(() => this.#inner.peek(...asked))
  }
  consumeOnce(...asked: Parameters<Store['consumeOnce']>) {
    return this.#answer(() => this.#inner.consumeOnce(...asked))
  }
  edit(...asked: Parameters<Store['edit']>) {
    return this.#answer(() => this.#inner.edit(...asked))
  }
  renew(...asked: Parameters<Store['renew']>) {
    return this.#answer(() => this.#inner.renew(...asked))
  }
  readTexts(known: string) {
    return this.#inner.readTexts(known)
  }
  writeText(...asked: Parameters<Store['writeText']>) {
    return this.#answer(() => this.#inner.writeText(...asked))
  }
  refund(...asked: Parameters<Store['refund']>) {
    return this.#answer(() => this.#inner.refund(...asked))
  }
  reset(...asked: Parameters<Store['reset']>) {
    return this.#answer(() => this.#inner.reset(...asked))
  }
  clear(...asked: Parameters<Store['clear']>) {
    return this.#answer(() => this.#inner.clear(...asked))
  }
  close() {
    this.#inner.close()
  }

  #answer<T>(what: () => T): Promise<T> {
    this.asked += 1
    if (this.state === 'silent') return new Promise(() => undefined)
    if (this.state === 'broken') return Promise.reject(new Error('out of order'))
    return Promise.resolve(what())
  }
}

let store: Elsewhere
let events: unknown[]

const limit = (policies: Policy | string, options: object = {}): Limiter<Store> => {
  const limiter = createLimiter({ policies: policies as Policy, store: store as Store, ...options })
  limiter.on('degraded', ({ error }) => events.push(error.message))
  limiter.on('recovered', () => events.push('recovered'))
  limiter.on('error', ({ error }) => events.push(error))
  return limiter
}

beforeEach(() => {
  vi.useFakeTimers()
  store = new Elsewhere()
  events = []
})
afterEach(() => vi.useRealTimers())

describe('a store that is silent', () => {
  it('is waited for as long as timeoutMs says, and no longer', async () => {
    const limiter = limit('5/min', { timeoutMs: 80 })
    store.state = 'silent'
    const decided = vi.fn()
    const decision = Promise.resolve(limiter.consume('a')).then(decided)
    await vi.advanceTimersByTimeAsync(79)
    expect(decided).not.toHaveBeenCalled()
    await vi.advanceTimersByTimeAsync(2)
    await decision
    expect(decided).toHaveBeenCalledWith(expect.objectContaining({ allowed: true, degraded: true }))
    expect(events).toEqual(['test://store did not answer within 80 ms.'])
  })

  it('is not asked by each request, but probed ever more rarely', async () => {
    const limiter = limit('1000/min', { timeoutMs: 50 })
    store.state = 'silent'
    const first = limiter.consume('a')
    await vi.advanceTimersByTimeAsync(60)
    await first
    const before = store.asked
    for (let i = 0; i < 500; i++) expect(limiter.consume('a')).not.toBeInstanceOf(Promise)
    expect(store.asked).toBe(before)
    await vi.advanceTimersByTimeAsync(10_000)
    expect(store.asked - before).toBeGreaterThan(8)
    expect(store.asked - before).toBeLessThan(25)
  })

  it('decides again from the first decision after a probe was answered', async () => {
    const limiter = limit('5/min', { timeoutMs: 50 })
    await limiter.consume('a', { cost: 3 })
    store.state = 'silent'
    const lost = limiter.consume('a')
    await vi.advanceTimersByTimeAsync(60)
    expect((await lost).standings[0]?.remaining).toBe(4)
    store.state = 'well'
    await vi.advanceTimersByTimeAsync(1_100)
    expect(await limiter.consume('a')).toMatchObject({ degraded: false, standings: [{ remaining: 1 }] })
    expect(events).toEqual(['test://store did not answer within 50 ms.', 'recovered'])
  })
})

describe('a store that fails', () => {
  beforeEach(() => {
    store.state = 'broken'
  })

  it('throws at no request, and tells once what it said', async () => {
    const limiter = limit('5/min')
    const decisions = await Promise.all(Array.from({ length: 8 }, () => limiter.consume('a')))
    expect(decisions.map(({ allowed, degraded }) => [allowed, degraded])).toEqual(
      Array.from({ length: 8 }, (_, i) => [i < 5, true]),
    )
    expect(events).toEqual(['The store failed: out of order'])
  })

  it('tells all limits that share it', async () => {
    const [one, two] = [limit('5/min'), limit('5/h')]
    await one.consume('a')
    store.asked = 0
    expect(two.consume('a')).toMatchObject({ degraded: true })
    expect(store.asked).toBe(0)
  })

  it('lets everybody pass with allow, and tells the client no numbers that nobody knows', async () => {
    const decision = await limit('1/min', { onStoreError: 'allow' }).consume('a', { cost: 99 })
    expect(decision).toMatchObject({ allowed: true, degraded: true })
    expect(headerFields(decision.standings, ['draft'])).toEqual([])
  })

  it('lets nobody pass with deny: the server’s fault, not the client’s', async () => {
    const decision = await limit('1/min', { onStoreError: 'deny' }).consume('a')
    expect(decision).toMatchObject({ allowed: false, degraded: true, retryAfterMs: 1_000 })
    expect(headerFields(decision.standings, ['draft'])).toContainEqual(['Retry-After', '1'])
    expect(problem(decision, undefined)).toMatchObject({
      status: 503,
      body: { status: 503, type: expect.stringMatching(/temporary-reduced-capacity$/), 'retry-after': 1 },
    })
  })

  it('gives back what was taken locally to the local store', async () => {
    const limiter = limit('2/min')
    const receipt = await limiter.consume('a', { cost: 2 })
    expect((await limiter.consume('a')).allowed).toBe(false)
    await limiter.refund(receipt)
    expect((await limiter.consume('a', { cost: 2 })).allowed).toBe(true)
  })

  it('lets who asks for a reset know that it was not done', async () => {
    await expect(limit('2/min').reset('a')).rejects.toThrow('out of order')
  })

  it('tells of a refund and a reset that were not done in time', async () => {
    store.state = 'well'
    const limiter = limit('2/min', { timeoutMs: 50 })
    const receipt = await limiter.consume('a')
    store.state = 'silent'
    const late = [limiter.refund(receipt), limiter.reset('a')].map((one) =>
      expect(one).rejects.toThrow('test://store did not answer within 50 ms.'),
    )
    await vi.advanceTimersByTimeAsync(60)
    await Promise.all(late)
  })

  it('warns whoever runs the process when nobody listens', async () => {
    const warning = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
    await createLimiter({ policies: '1/min', store: store as Store }).consume('a')
    expect(warning).toHaveBeenCalledTimes(1)
    expect(warning.mock.calls[0]?.[0]).toMatch(/out of order.*Until it answers again, each process limits by its own/)
    warning.mockRestore()
  })

  it('leaves no timer behind that keeps a process alive, and none at all when closed', async () => {
    const limiter = limit('2/min')
    await limiter.consume('a')
    await limiter.close()
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('one of several instances that cannot ask each other', () => {
  beforeEach(() => {
    store.state = 'broken'
  })

  it.each([
    ['a fixed window', fixedWindow('100/min'), 25],
    ['a burst', tokenBucket('8/s', { burst: 40 }), 10],
    ['a queue', leakyBucket('8/s', { queue: 39 }), 10],
    ['a quota smaller than the instances', fixedWindow('3/min'), 1],
  ])('has its share of %s', async (_title, policy, share) => {
    const limiter = limit(policy, { instances: 4 })
    let allowed = 0
    while ((await limiter.consume('a')).allowed) allowed += 1
    expect(allowed).toBe(share)
  })

  it('lets a request pass that costs more than a share, but not more than the whole', async () => {
    const limiter = limit(fixedWindow('100/min'), { instances: 4 })
    expect((await limiter.consume('a', { cost: 80 })).allowed).toBe(true)
    expect((await limiter.consume('a')).allowed).toBe(false)
    expect((await limiter.consume('b', { cost: 101 })).retryAfterMs).toBe(Number.POSITIVE_INFINITY)
  })

  it('owes all that a soft policy lets pass, up to a share of its largest debt', async () => {
    const policy = tokenBucket('100/min')
    const [normal, soft] = [limit(policy, { instances: 4 }), limit(asSoft(policy), { instances: 4 })]
    expect((await soft.consume('a', { cost: 80 })).standings[0]).toMatchObject({ allowed: true, debt: 55 })
    expect((await normal.consume('a')).allowed).toBe(false)
    const [most] = (await soft.consume('a', { cost: Number.MAX_SAFE_INTEGER })).standings
    expect(most?.debt).toBe(Math.floor(policy.maxDebt / 4))
  })

  it('tells the limit by its own name and quota', async () => {
    const decision = await limit(fixedWindow('100/min'), { instances: 4, name: 'api' }).consume('a')
    expect(headerFields(decision.standings, ['draft'])).toContainEqual(['RateLimit-Policy', '"api";q=100;w=60'])
  })
})

describe('one bucket that cannot be used', () => {
  it('is told of once a minute, and breaks nothing else', async () => {
    const limiter = limit('5/min')
    const consume = vi.spyOn(store, 'consume')
    consume.mockImplementation(async ([ask]) => {
      if (ask?.key === 'bad') throw new StoreError('The bucket x:{bad} cannot be used.', { bucket: 'x:{bad}' })
      return memoryStore().consume(ask === undefined ? [] : [ask])
    })
    for (let i = 0; i < 5; i++) expect(await limiter.consume('bad')).toMatchObject({ degraded: true })
    expect(await limiter.consume('good')).toMatchObject({ degraded: false })
    expect(events).toHaveLength(1)
    await vi.advanceTimersByTimeAsync(60_000)
    await limiter.consume('bad')
    expect(events).toHaveLength(2)
  })
})
