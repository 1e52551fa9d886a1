import { describe, expect, it, vi } from 'vitest'
import { problem } from '../http/index.ts'
import { concurrency, createLimiter, memoryStore, type Store } from '../index.ts'

const policies = [
  { policy: '60/min', name: 'requests' },
  { policy: '1000 tokens/min', name: 'tokens' },
] as const

const used = (limiter: ReturnType<typeof limiterOf>, key = 'a') => {
  const { requests, tokens } = limiter.usage(key)
  return [requests?.used, tokens?.used]
}

function limiterOf() {
  return createLimiter({ name: 'chat', policies, store: memoryStore() })
}

describe('cancel', () => {
  it.each([800, 1_000, 3_000])('leaves what has been settled, here at %d of 1,000 tokens', (units) => {
    const limiter = limiterOf()
    const decision = limiter.reserve('a', { cost: { requests: 1, tokens: 1_000 } })
    decision.settle(units, 'tokens')
    expect(decision.cancel()).toBe(true)
    expect(used(limiter)).toEqual([0, units])
    expect([decision.cancel(), decision.settle(5, 'requests')]).toEqual([false, false])
  })
})

describe('settle', () => {
  it('changes nothing of a key that has no limit', async () => {
    const limiter = limiterOf()
    await limiter.override('a', 'unlimited')
    expect(limiter.consume('a').settle(500, 'tokens')).toBe(false)
    expect(used(limiter)).toEqual([0, 0])
  })

  it('does not end the process where nobody waits for a store that cannot be reached', async () => {
    const inner = memoryStore()
    const store: Store = {
      ...inner,
      consume: (asks) => inner.consume(asks),
      readTexts: (known) => inner.readTexts(known),
      refund: () => Promise.reject(new Error('gone')),
      close: () => inner.close(),
    }
    const rejected = vi.fn()
    process.on('unhandledRejection', rejected)
    const limiter = createLimiter({ policies: '100 tokens/min', store })
    const failed = vi.fn()
    limiter.on('error', failed)
    for (const end of ['settle', 'cancel'] as const) {
      const decision = await limiter.reserve('a', { cost: 10 })
      decision[end](1)
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    process.off('unhandledRejection', rejected)
    expect(rejected).not.toHaveBeenCalled()
    expect(failed).toHaveBeenCalled()
  })
})

describe('what is reserved', () => {
  it('is told policy by policy, until that is settled', () => {
    const limiter = limiterOf()
    const decision = limiter.reserve('a', { cost: { requests: 1, tokens: 1_000 } })
    const denied = () => limiter.consume('a', { cost: { tokens: 1_000 } })
    expect(denied().standings.map(({ reserved }) => reserved)).toEqual([1, 1_000])
    expect(problem(denied()).body).toMatchObject({
      detail: expect.stringMatching(
        / is used up; 1,000 tokens of the limit are reserved by requests in progress\. Try again in /,
      ),
    })
    decision.settle(1_000, 'tokens')
    expect(denied().standings.map(({ reserved }) => reserved)).toEqual([1, 0])
  })

  it('is told of a denial that is counted', () => {
    const limiter = createLimiter({ policies: '10 tokens/min', countDenied: true })
    limiter.reserve('a', { cost: 10 })
    expect(limiter.consume('a').standings[0]?.reserved).toBe(10)
  })

  it('and never settled is forgotten when its bucket is fresh', () => {
    vi.useFakeTimers({ toFake: ['performance'] })
    const limiter = createLimiter({ policies: '1000 tokens/s' })
    limiter.reserve('a', { cost: 1_000 })
    vi.advanceTimersByTime(1_500)
    const [denied] = limiter.consume('a', { cost: 1_000 }).standings
    vi.advanceTimersByTime(500)
    limiter.consume('a', { cost: 1_000 })
    const [later] = limiter.consume('a', { cost: 1_000 }).standings
    vi.useRealTimers()
    expect([denied?.reserved, later?.reserved]).toEqual([1_000, 0])
  })
})

describe('counting denied requests', () => {
  it('keeps the estimate for slots', () => {
    const limiter = createLimiter({ policies: ['9/min', concurrency(1)], countDenied: true })
    limiter.consume('a')
    expect(limiter.consume('a').standings.map(({ allowed, retryAfterMs }) => [allowed, retryAfterMs])).toEqual([
      [true, 0],
      [false, 1_000],
    ])
  })
})

describe('extend', () => {
  it('takes more of what a reservation counts, all or nothing, and is settled by itself', () => {
    const limiter = limiterOf()
    const decision = limiter.reserve('a', { cost: { requests: 1, tokens: 600 } })
    const more = decision.extend(300, 'tokens')
    if (more instanceof Promise) throw new Error('a memory store answers at once')
    expect([more.allowed, used(limiter)]).toEqual([true, [1, 900]])
    const beyond = decision.extend(200, 'tokens')
    expect([(beyond as typeof more).allowed, used(limiter)]).toEqual([false, [1, 900]])
    decision.settle(600, 'tokens')
    expect(more.settle(50)).toBe(true)
    expect(used(limiter)).toEqual([1, 650])
    expect(more.cancel()).toBe(false)
  })

  it('needs the unit named where there are several, and whole units', () => {
    const decision = limiterOf().reserve('a')
    expect(() => decision.extend(5)).toThrow('this limit counts requests and tokens')
    expect(() => decision.extend(1.5, 'tokens')).toThrow('A cost to take in addition is a whole number')
  })

  it('has nothing to take where nothing was taken', async () => {
    const limiter = limiterOf()
    await limiter.override('a', 'unlimited')
    expect(limiter.consume('a').extend(5, 'tokens')).toMatchObject({ allowed: true, asks: [] })
  })
})

describe('settle with several units', () => {
  it('sets each of them in one step, and once', () => {
    const limiter = limiterOf()
    const decision = limiter.reserve('a', { cost: { requests: 1, tokens: 600 } })
    expect(decision.settle({ tokens: 250, requests: 1 })).toBe(true)
    expect(used(limiter)).toEqual([1, 250])
    expect(decision.settle({ tokens: 5 })).toBe(false)
    const more = limiter.reserve('a', { cost: { requests: 1, tokens: 100 } })
    expect(more.settle({ tokens: 900 })).toBe(true)
    expect(used(limiter)).toEqual([2, 1_150])
  })

  it('says which it does not count, and changes nothing', () => {
    const limiter = limiterOf()
    const decision = limiter.reserve('a', { cost: { requests: 1, tokens: 600 } })
    expect(() => decision.settle({ tokens: 5, 'content-bytes': 5 })).toThrow(
      'this limit does not count "content-bytes"',
    )
    expect(() => decision.settle({ tokens: -5 })).toThrow('A cost to settle is a whole number')
    expect(used(limiter)).toEqual([1, 600])
  })
})
