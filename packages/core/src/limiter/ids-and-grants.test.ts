import { describe, expect, it } from 'vitest'
import { type Calendar, calendarQuota } from '../calendar/index.ts'
import { createLimiter, memoryStore, type Policy } from '../index.ts'
import { every } from '../testing/quota-behaviours.ts'

const MONTH = 30 * 86_400_000
const monthly = (units: number, options: object = {}): Policy =>
  calendarQuota({ quota: units, unit: 'requests' }, every(MONTH), options)

describe('an id', () => {
  it('may count again once all that it took has been given back, or its key was reset', () => {
    const limiter = createLimiter({ policies: monthly(5) })
    const first = limiter.consume('a', { id: 'x', cost: 2 })
    limiter.refund(first, { cost: 1 })
    expect(limiter.consume('a', { id: 'x', cost: 2 }).repeated).toBe(true)
    limiter.refund(first)
    expect(limiter.consume('a', { id: 'x', cost: 2 }).repeated).toBe(false)
    limiter.reset('a')
    expect(limiter.consume('a', { id: 'x', cost: 2 }).repeated).toBe(false)
  })

  it('counts anew under policies of another sort', () => {
    const store = memoryStore()
    const free = createLimiter({ name: 'p', policies: monthly(3), store })
    const pro = createLimiter({ name: 'p', policies: ['20/min', { policy: monthly(3), name: 'p' }], store })
    expect(free.consume('a', { id: '1' }).degraded).toBe(false)
    expect(pro.consume('a', { id: '1' })).toMatchObject({ degraded: false, repeated: false })
  })

  it.each([[''], [7], [null], [{}]])('is a text: not %j', (id) => {
    const limiter = createLimiter({ policies: monthly(5) })
    expect(() => limiter.consume('a', { id: id as never })).toThrow(expect.objectContaining({ code: 'SLUICE_KEY' }))
    expect(limiter.usage('a')['default']?.used).toBe(0)
  })

  it('may be absent, and needs one key for all policies', () => {
    const limiter = createLimiter({ policies: ['5/s', monthly(5)], name: 'two' })
    expect(limiter.consume('a', { id: undefined }).allowed).toBe(true)
    expect(() => limiter.consume({ 'two-1s': 'a', 'two-month': 'b' }, { id: 'x' })).toThrow('one key for all policies')
  })
})

describe('grants', () => {
  it('are at most thirty-two that are not used up; of those that are, the oldest is forgotten', () => {
    const limiter = createLimiter({ policies: monthly(1) })
    for (let i = 0; i < 32; i++) limiter.grant('a', 1, { id: `g${i}` })
    expect(() => limiter.grant('a', 1, { id: 'more' })).toThrow(RangeError)
    limiter.consume('a', { cost: 33 })
    expect(limiter.grant('a', 1, { id: 'more' }).added).toBe(true)
    expect(limiter.grant('a', 1, { id: 'g31' }).added).toBe(false)
  })

  it('get nothing back once they were revoked', () => {
    const limiter = createLimiter({ policies: monthly(1) })
    limiter.consume('a')
    limiter.grant('a', 10, { id: 'g' })
    const receipt = limiter.consume('a', { cost: 10 })
    limiter.revoke('a', 'g')
    limiter.refund(receipt)
    // The one of the quota comes back; the others were the grant's.
    expect(limiter.usage('a')['default']).toMatchObject({ used: 1, remaining: 1 })
  })

  it('leave to the next period what the plan that used this one leaves', () => {
    let now = 10 * MONTH
    const store = memoryStore({ clock: () => now })
    const free = createLimiter({ name: 'p', policies: monthly(100), store })
    const pro = createLimiter({ name: 'p', policies: monthly(1_000, { rollover: 500, history: 0 }), store })
    free.consume('a', { cost: 4 })
    now += MONTH
    pro.grant('a', 1)
    expect(free.usage('a')['p']?.rolledOver).toBe(0)
    expect(free.history('a')['p']?.map(({ used }) => used)).toEqual([4])
  })

  it.each<[string, () => unknown]>([
    ['no units', () => createLimiter({ policies: monthly(1) }).grant('a', 0)],
    ['a fraction', () => createLimiter({ policies: monthly(1) }).grant('a', 1.5)],
    ['seconds for milliseconds', () => createLimiter({ policies: monthly(1) }).grant('a', 1, { expiresAt: 1.8e9 })],
    ['a date that is none', () => createLimiter({ policies: monthly(1) }).grant('a', 1, { expiresAt: new Date('?') })],
    ['no quota', () => createLimiter({ policies: '1/s' }).grant('a', 1)],
    ['a quota that is none', () => createLimiter({ policies: monthly(1) }).grant('a', 1, { policy: 'other' })],
    [
      'several quotas',
      () => createLimiter({ policies: [monthly(1), { policy: monthly(2), name: 'b' }] }).grant('a', 1),
    ],
    ['an option that is none', () => createLimiter({ policies: monthly(1) }).grant('a', 1, { expires: 1 } as never)],
  ])('are refused with %s', (_what, grant) => {
    expect(grant).toThrow(expect.objectContaining({ code: expect.stringMatching(/^SLUICE_(?:CONFIG|COST)$/) }))
  })
})

describe('a calendar of somebody’s own', () => {
  const calendar = (periodAt: Calendar['periodAt']): Calendar => ({ unit: 'day', timeZone: 'UTC', id: 'own', periodAt })
  const quotaOver = (periodAt: Calendar['periodAt']) =>
    calendarQuota({ quota: 1, unit: 'requests' }, calendar(periodAt))

  it.each<[string, Calendar['periodAt']]>([
    [
      'throws',
      () => {
        throw new Error('no moon')
      },
    ],
    ['answers nothing', () => undefined as never],
    ['ends before now', () => ({ previous: 0, start: 1, end: 2 })],
    ['has no whole numbers', (now) => ({ previous: now - 2.5, start: now - 0.5, end: now + 1 })],
  ])('is refused where it %s', (_what, periodAt) => {
    expect(() => quotaOver(periodAt)).toThrow(expect.objectContaining({ code: 'SLUICE_CONFIG' }))
  })

  it('that fails later fails its own decisions, and degrades nobody', () => {
    let fails = false
    const store = memoryStore({ clock: () => (fails ? 9e12 : Date.now()) })
    const policy = quotaOver((now) => {
      if (fails) throw undefined
      return { previous: now - 2, start: now, end: now + 1 }
    })
    const own = createLimiter({ name: 'own', policies: policy, store })
    const other = createLimiter({ name: 'other', policies: '1/h', store })
    own.consume('a')
    other.consume('a')
    fails = true
    expect(() => own.consume('a')).toThrow('The calendar "own" failed')
    expect(other.consume('a').degraded).toBe(false)
  })
})
