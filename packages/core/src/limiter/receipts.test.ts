import { describe, expect, it } from 'vitest'
import { createLimiter, fixedWindow, memoryStore, type Store, StoreError, tokenBucket } from '../index.ts'

/** A store whose refunds fail, or hang, until told otherwise. */
function fragile() {
  const inner = memoryStore()
  let release = (): void => {}
  const released = new Promise<void>((resolve) => {
    release = resolve
  })
  const store: Store & { refunds: 'fail' | 'hang' | 'work'; uncertain: boolean; given: number; release(): void } = {
    refunds: 'fail',
    uncertain: false,
    given: 0,
    release,
    consume: async (asks) => inner.consume(asks),
    peek: async (asks) => inner.peek(asks),
    consumeOnce: async (asks, once) => inner.consumeOnce(asks, once),
    edit: async (change) => inner.edit(change),
    renew: async (renewals) => inner.renew(renewals),
    readTexts: async (known) => inner.readTexts(known),
    writeText: async (entry) => inner.writeText(entry),
    async refund(returns) {
      if (this.refunds === 'fail') throw new StoreError('down', { uncertain: this.uncertain })
      if (this.refunds === 'hang') await released
      this.given += returns.reduce((sum, { cost }) => sum + cost, 0)
      inner.refund(returns)
    },
    reset: async (policies, keys) => inner.reset(policies, keys),
    clear: async (policies) => inner.clear(policies),
    close: async () => inner.close(),
  }
  return store
}

describe('a refund', () => {
  it('of a peek gives nothing back, since nothing was taken', () => {
    const limiter = createLimiter({ policies: fixedWindow('5/min') })
    for (let turn = 0; turn < 4; turn++) expect(limiter.consume('a').taken).toBe(true)
    const looked = limiter.peek('a')
    expect(looked).toMatchObject({ allowed: true, taken: false })
    limiter.refund(looked)
    expect(limiter.peek('a').binding?.remaining).toBe(1)
  })

  it('of a meter counts what drained at the faster rate, after a change of plan', () => {
    let now = 0
    const store = memoryStore({ clock: () => now })
    const slow = createLimiter({ policies: tokenBucket('6/min', { burst: 100 }), store })
    const fast = createLimiter({ policies: tokenBucket('6000/min', { burst: 100 }), store })
    const first = slow.consume('a', { cost: 50 })
    fast.consume('a')
    now = 1_000
    fast.consume('a', { cost: 60 })
    slow.refund(first)
    expect(fast.peek('a').binding?.remaining).toBe(40)
  })

  it('that the store did not carry out can be tried again', async () => {
    const store = fragile()
    const limiter = createLimiter({ policies: '20/min', store })
    const decision = await limiter.consume('a', { cost: 3 })
    await expect(limiter.refund(decision)).rejects.toThrow('down')
    store.refunds = 'work'
    await limiter.refund(decision)
    await limiter.refund(decision)
    expect(store.given).toBe(3)
  })

  it('is not tried again where the store may have carried it out', async () => {
    const store = fragile()
    store.uncertain = true
    const limiter = createLimiter({ policies: '20/min', store })
    const decision = await limiter.consume('a', { cost: 3 })
    await expect(limiter.refund(decision)).rejects.toThrow('down')
    store.refunds = 'work'
    await limiter.refund(decision)
    expect(store.given).toBe(0)
  })

  it('that is too late is waited for by the next, and nothing is given back twice', async () => {
    const store = fragile()
    store.refunds = 'hang'
    const limiter = createLimiter({ policies: '20/min', store, timeoutMs: 10 })
    const decision = await limiter.consume('a', { cost: 3 })
    await expect(limiter.refund(decision)).rejects.toThrow('did not answer within 10 ms')
    await expect(limiter.refund(decision)).rejects.toThrow('did not answer within 10 ms')
    store.release()
    await limiter.refund(decision)
    expect(store.given).toBe(3)
  })

  it('returns to each policy what it took from it', () => {
    const limiter = createLimiter({ policies: ['20/min', { policy: '100 tokens/h', name: 'tokens' }] })
    const taken = limiter.consume({ 'default-1min': 'ann', tokens: 'blue' }, { cost: { tokens: 40 } })
    const left = () =>
      limiter.peek({ 'default-1min': 'ann', tokens: 'blue' }).standings.map(({ remaining }) => remaining)
    expect(left()).toEqual([19, 60])
    limiter.refund(taken, { cost: { tokens: 15 } })
    expect(left()).toEqual([19, 75])
    limiter.refund(taken)
    limiter.refund(taken)
    expect(left()).toEqual([20, 100])
  })
})

describe('keys and costs by policy', () => {
  const limiter = createLimiter({ policies: ['20/min', { policy: '30/min', name: 'everybody' }] })

  it('take from all policies or from none', () => {
    expect(limiter.consume({ 'default-1min': 'ann', everybody: 'all' }, { cost: { everybody: 31 } }).allowed).toBe(
      false,
    )
    expect(limiter.peek('ann').standings.map(({ remaining }) => remaining)).toEqual([20, 30])
  })

  it('reset only what they name', () => {
    limiter.consume({ 'default-1min': 'bob', everybody: 'all' })
    limiter.reset({ everybody: 'all' })
    expect(limiter.peek({ 'default-1min': 'bob', everybody: 'all' }).standings.map((one) => one.remaining)).toEqual([
      19, 30,
    ])
  })

  it.each<[string, () => unknown, string]>([
    ['a policy without a key', () => limiter.consume({ everybody: 'all' }), 'the key of "default-1min" is undefined'],
    ['a key for no policy', () => limiter.consume({ 'default-1min': 'a', everybody: 'b', x: 'c' }), 'a key for "x"'],
    ['a cost for no policy', () => limiter.consume('a', { cost: { x: 1 } }), 'a cost for "x", but no such policy'],
    ['a cost that is none', () => limiter.consume('a', { cost: { everybody: 1.5 } }), 'got 1.5'],
    ['no key', () => limiter.consume(undefined as never), 'A key is a string, or an object'],
  ])('refuse %s, and take nothing', (_title, consume, sentence) => {
    expect(consume).toThrow(sentence)
    expect(limiter.peek('a').standings.map(({ remaining }) => remaining)).toEqual([20, 30])
  })
})

describe('a store of somebody’s own', () => {
  it.each<[string, () => unknown]>([
    [
      'throws at once',
      () => {
        throw new Error('no')
      },
    ],
    ['answers nothing', () => undefined],
    ['answers later with nothing', async () => undefined],
    ['answers with too few standings', async () => []],
  ])('that %s is decided without', async (_title, consume) => {
    const store = { ...fragile(), consume, peek: consume } as never as Store
    const limiter = createLimiter({ policies: '20/min', store })
    limiter.on('degraded', () => {})
    expect(await limiter.consume('a')).toMatchObject({ allowed: true, degraded: true })
    await limiter.close()
  })

  it('is not remembered to have denied a key that was reset in the meantime', async () => {
    const store = { ...fragile(), consume: () => Promise.reject(new Error('down')) } as never as Store
    const limiter = createLimiter({ policies: '1/min', store })
    limiter.on('degraded', () => {})
    await limiter.consume('a')
    expect((await limiter.consume('a')).allowed).toBe(false)
    await limiter.reset('a')
    expect((await limiter.consume('a')).allowed).toBe(true)
    await limiter.close()
  })
})
