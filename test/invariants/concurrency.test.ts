import { type Ask, concurrency, memoryStore, newAsk, type Policy, type Store } from '@sluice/core'
import { redisStore } from '@sluice/redis'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { aPrefix } from '../redis/stores.ts'

/** What is held, as its definition says it. */
class Oracle {
  readonly #leases = new Map<number, { slots: number; until: number }>()

  held(now: number): number {
    let held = 0
    for (const { slots, until } of this.#leases.values()) if (until > now) held += slots
    return held
  }

  take({ lease = 0, cost, policy }: Ask, now: number): boolean {
    if (cost > Math.max(0, policy.quota - this.held(now))) return false
    if (cost > 0) this.#leases.set(lease, { slots: cost, until: now + (policy.lease?.ms ?? 0) })
    return true
  }

  release({ lease = 0 }: Ask, slots: number): void {
    const known = this.#leases.get(lease)
    if (known === undefined) return
    known.slots -= slots
    if (known.slots <= 0) this.#leases.delete(lease)
  }

  renew({ lease = 0, cost, policy }: Ask, restore: boolean, now: number): boolean {
    const until = now + (policy.lease?.ms ?? 0)
    const known = this.#leases.get(lease)
    const lives = known !== undefined && known.until > now
    if (!lives && !restore) return false
    this.#leases.set(lease, { slots: lives ? known.slots : cost, until })
    return true
  }
}

const LEASE_MS = 1_000

const steps = fc.array(
  fc.record({
    by: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.integer({ min: 0, max: 700 })),
    verb: fc.constantFrom('take', 'take', 'take', 'look', 'release', 'part', 'renew', 'restore'),
    cost: fc.oneof({ weight: 3, arbitrary: fc.constant(1) }, fc.integer({ min: 0, max: 9 })),
    which: fc.nat(20),
    plan: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.constant(1)),
  }),
  { maxLength: 80, size: '+1' },
)

const trace = fc.record({ slots: fc.tuple(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 1, max: 8 })), steps })

let now = 0
const stores: Record<string, () => Store> = {
  memory: () => memoryStore({ clock: () => now }),
  Redis: () => redisStore(inject('redisUrl'), { clock: () => now, prefix: aPrefix() }),
}

describe.each(Object.entries(stores))('slots in %s', (title, makeStore) => {
  let store: Store
  beforeAll(() => {
    store = makeStore()
  })
  afterAll(() => store.close())

  it('are held, renewed, released and lost as their definition says, and never beyond the limit', async () => {
    let run = 0
    await fc.assert(
      fc.asyncProperty(trace, async ({ slots, steps }) => {
        run += 1
        now = 300_000
        const plans = slots.map((count): Policy => concurrency(count, { name: 'slots', leaseMs: LEASE_MS }))
        const oracle = new Oracle()
        const taken: Ask[] = []
        for (const { by, verb, cost, which, plan } of steps) {
          now += by
          const policy = plans[plan] as Policy
          const known = taken[which % Math.max(1, taken.length)]
          if (verb === 'take' || verb === 'look') {
            const ask = newAsk(policy, `key-${run}`, cost)
            const left = Math.max(0, policy.quota - oracle.held(now))
            const [standing] = await store[verb === 'take' ? 'consume' : 'peek']([ask])
            const allowed = verb === 'take' ? oracle.take(ask, now) : cost <= left
            const remaining = verb === 'take' ? Math.max(0, policy.quota - oracle.held(now)) : left
            expect([standing?.allowed, standing?.remaining]).toEqual([allowed, remaining])
            expect(standing?.resetAfterMs === 0).toBe(oracle.held(now) === 0)
            if (verb === 'take' && allowed && cost > 0) taken.push(ask)
          } else if (known !== undefined && (verb === 'release' || verb === 'part')) {
            const back = verb === 'part' ? 1 : known.cost
            await store.refund([{ ...known, cost: back, at: 0 }])
            oracle.release(known, back)
          } else if (known !== undefined) {
            const renewal = { ...known, lease: known.lease ?? 0, restore: verb === 'restore' }
            expect(await store.renew([renewal])).toEqual([oracle.renew(known, renewal.restore, now)])
          }
        }
        const [last] = await store.peek([newAsk(plans[0] as Policy, `key-${run}`, 0)])
        expect(last?.remaining).toBe(Math.max(0, (plans[0]?.quota ?? 0) - oracle.held(now)))
      }),
      { numRuns: title === 'memory' ? 500 : 150 },
    )
  })

  it('are free within a lease after a clock that was far ahead has come back', async () => {
    const policy = concurrency(1, { name: 'clock', leaseMs: LEASE_MS })
    now = 100_000_000
    await store.consume([newAsk(policy, 'ahead', 1)])
    now = 1_000_000
    expect((await store.consume([newAsk(policy, 'ahead', 1)]))[0]?.allowed).toBe(false)
    now += LEASE_MS
    expect((await store.consume([newAsk(policy, 'ahead', 1)]))[0]?.allowed).toBe(true)
  })

  it('are never given to more than there are, however many ask at once', async () => {
    const policy = concurrency(7, { name: 'crowd', leaseMs: LEASE_MS })
    const answers = await Promise.all(Array.from({ length: 100 }, async () => store.consume([newAsk(policy, 'a', 1)])))
    expect(answers.filter(([standing]) => standing?.allowed)).toHaveLength(7)
  })
})
