import { describe, expect, it } from 'vitest'
import { calendarQuota } from '../calendar/index.ts'
import { createLimiter, memoryStore, type Policy, type Store } from '../index.ts'
import { every } from '../testing/quota-behaviours.ts'

const monthly = (units: number, options: object = {}): Policy =>
  calendarQuota({ quota: units, unit: 'requests' }, every(30 * 86_400_000), options)

const write = (store: Store, override: object, limit = 'api') =>
  store.writeText({
    kind: 'override',
    name: JSON.stringify([limit, (override as { key: string }).key]),
    text: JSON.stringify({ expiresAt: null, reason: '', ...override }),
    expiresAt: Number.POSITIVE_INFINITY,
  })

describe('an override', () => {
  it('costs what the policy that it stands in for costs', async () => {
    const limiter = createLimiter({ name: 'chat', policies: ['10/s', '1000 tokens/min'] })
    await limiter.override('org', ['20/s', '2000 tokens/min'])
    const { asks } = limiter.consume('org', { cost: { 'chat-1s': 1, 'chat-1min': 500 } })
    expect(asks.map(({ policy, cost }) => [policy.name, cost])).toEqual([
      ['chat-1s', 1],
      ['chat-1min', 500],
    ])
  })

  it('counts a text of up to ten units where the larger one was counted', async () => {
    const limiter = createLimiter({ name: 'api', policies: '100/min' })
    limiter.consume('a', { cost: 50 })
    await limiter.override('a', '5/min')
    expect(limiter.consume('a').allowed).toBe(false)
  })

  it('of one of several keys leaves the others as they are', async () => {
    const limiter = createLimiter({
      name: 'both',
      policies: [
        { policy: '1/min', name: 'ip' },
        { policy: '5/min', name: 'org' },
      ],
    })
    await limiter.override('1.2.3.4', 'unlimited')
    const keys = { ip: '1.2.3.4', org: 'acme' }
    const allowed = Array.from({ length: 6 }, () => limiter.consume(keys).allowed)
    expect(allowed).toEqual([true, true, true, true, true, false])
    await limiter.override('acme', 'blocked')
    expect(limiter.peek(keys).asks.map(({ key }) => key)).toEqual(['acme'])
  })

  it.each<[string, object]>([
    ['an algorithm that is not known', { algorithm: 'gcra' }],
    ['no quota', { quota: null }],
    ['a fraction', { quota: 1.5 }],
    ['a unit that is not known', { unit: 'apples' }],
    ['a calendar that is not known', { algorithm: 'quota', calendar: 'moon' }],
    ['a quota without a calendar', { algorithm: 'quota' }],
  ])('that somebody wrote with %s is reported, and leaves all policies of the limit', async (_what, wrong) => {
    const store = memoryStore()
    const limiter = createLimiter({ name: 'api', policies: ['100/s', monthly(2)], store })
    const errors: string[] = []
    limiter.on('error', ({ error }) => errors.push((error as Error).message))
    const policy = { name: '', algorithm: 'fixed-window', quota: 9, unit: 'requests', windowMs: 1_000, calendar: null }
    const rest = { capacity: 9, burst: 9, subWindows: 0, soft: false, overage: 0, rollover: 0, history: 0 }
    write(store, { key: 'a', to: [{ ...policy, ...rest, ...wrong }] })
    expect(Array.from({ length: 3 }, () => limiter.consume('a').allowed)).toEqual([true, true, false])
    expect(limiter.consume('a').degraded).toBe(false)
    expect(errors).toEqual([expect.stringMatching(/^An override of limit "api" cannot be used, and is ignored/)])
  })

  it.each([['"text"'], ['null'], ['{}'], ['{"key":1,"to":"blocked"}'], ['{"key":"a","to":"free"}'], ['no JSON']])(
    'that is none is reported, and harms no other: %s',
    (text) => {
      const store = memoryStore()
      const limiter = createLimiter({ name: 'api', policies: '2/min', store })
      const errors: unknown[] = []
      limiter.on('error', ({ error }) => errors.push(error))
      store.writeText({ kind: 'override', name: '["api","a"]', text, expiresAt: Number.POSITIVE_INFINITY })
      write(store, { key: 'b', to: 'blocked' })
      expect([limiter.consume('a').allowed, limiter.consume('b').allowed]).toEqual([true, false])
      expect(errors).toHaveLength(1)
    },
  )

  it('ends with the store’s texts, and is shown by usage only in what it lets pass', async () => {
    const store = memoryStore()
    const limiter = createLimiter({ name: 'api', policies: monthly(5), store })
    limiter.consume('a', { cost: 2 })
    await limiter.override('a', 'blocked')
    expect(limiter.usage('a')['api']).toMatchObject({ used: 2, remaining: 3 })
    store.clear()
    expect(limiter.consume('a').allowed).toBe(true)
  })

  it.each(['*', 'a*b', '__proto__', 'constructor', ' ', 'x'.repeat(10_000)])('is of any key: %s', async (key) => {
    const limiter = createLimiter({ name: 'api', policies: '2/min' })
    await limiter.override(key, 'blocked')
    expect(limiter.consume(key === '*' ? 'anybody' : key).allowed).toBe(false)
    expect(limiter.consume('other').allowed).toBe(key !== '*')
  })
})
