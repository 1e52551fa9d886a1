import { leakyBucket, type Policy, slidingWindow, tokenBucket } from '@sluice/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { algorithms } from '../../packages/core/src/algorithms/registry.ts'
import { asSoft } from '../../packages/core/src/policies/policy.ts'
import { kinds } from './kinds.ts'

const MOST = Number.MAX_SAFE_INTEGER
const large = fc.oneof(fc.integer({ min: 1, max: 10 ** 6 }), fc.integer({ min: 1, max: 10 ** 15 - 1 }))
const windowMs = fc.oneof(fc.integer({ min: 1, max: 10 ** 6 }), fc.integer({ min: 1, max: 10 ** 13 }))

/** A bucket that owes all that it can, since the beginning of a window, and how it stands some time later. */
function owing(policy: Policy, elapsed: number, cost: number) {
  const algorithm = algorithms[policy.algorithm]
  const cells = Array<number>(algorithm.width(policy)).fill(0)
  const taken = algorithm.decide(cells, 0, asSoft(policy), MOST, policy.windowMs, true)
  const at = (ms: number) => algorithm.decide(cells, 0, policy, cost, policy.windowMs + ms, false)
  return { taken, later: at(elapsed), at }
}

const ceil = (a: bigint, b: bigint): bigint => (a + b - 1n) / b

describe('the largest debt', () => {
  it.each(kinds.filter(({ title }) => title !== 'calendar quota'))(
    'is reached, and not passed, by a $title',
    (kind) => {
      fc.assert(
        fc.property(kind.policy, (policy) => {
          const { taken } = owing(policy, 0, 1)
          expect([taken.debt, taken.used]).toEqual([policy.maxDebt, policy.capacity + policy.maxDebt])
        }),
      )
    },
  )

  it('drains from a meter without rounding', () => {
    const meter = fc
      .record({ quota: large, windowMs, burst: large, leaky: fc.boolean() })
      .filter(({ windowMs, burst }) => windowMs * burst <= MOST)
      .map(({ burst, leaky, ...rate }) =>
        leaky ? leakyBucket(rate, { burst, queue: 0 }) : tokenBucket(rate, { burst }),
      )
    fc.assert(
      fc.property(meter, fc.nat(10 ** 9), (policy, elapsed) => {
        const { windowMs, quota, capacity, maxDebt } = policy
        const [w, rate, full] = [BigInt(windowMs), BigInt(quota), BigInt(capacity) * BigInt(windowMs)]
        const drained = BigInt(capacity + maxDebt) * w - BigInt(elapsed) * rate
        const level = drained > 0n ? drained : 0n
        const { later } = owing(policy, elapsed, capacity)
        expect(BigInt(later.used)).toBe(ceil(level, w))
        expect(BigInt(later.resetAfterMs)).toBe(ceil(level, rate))
        expect(BigInt(later.debt)).toBe(level > full ? ceil(level - full, w) : 0n)
      }),
      { numRuns: 2_000 },
    )
  })

  it('fades from a sliding window without rounding, and the wait is honest', () => {
    const sliding = fc
      .record({ quota: large.filter((quota) => quota > 10), windowMs })
      .map((rate) => slidingWindow(rate))
    fc.assert(
      fc.property(sliding, fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (policy, share) => {
        const { windowMs, quota, capacity, maxDebt } = policy
        const product = quota * windowMs
        const grain = product <= 2 ** 51 ? 1 : Math.ceil(product / 2 ** 51)
        const parts = Math.ceil(windowMs / grain)
        const elapsed = Math.floor(share * windowMs)
        const units = BigInt(capacity + maxDebt)
        expect(2n * units * BigInt(parts) + BigInt(parts)).toBeLessThanOrEqual(BigInt(MOST))
        expect(2n * (units + 1n) * BigInt(parts) + BigInt(parts)).toBeGreaterThan(BigInt(MOST))
        const left = BigInt(parts - Math.floor(elapsed / grain))
        const { later, at } = owing(policy, windowMs + elapsed, 1)
        expect(BigInt(later.used)).toBe((2n * units * left + BigInt(parts)) / (2n * BigInt(parts)))
        if (later.allowed) return
        expect(at(windowMs + elapsed + later.retryAfterMs).allowed).toBe(true)
        expect(at(windowMs + elapsed + later.retryAfterMs - 1).allowed).toBe(false)
      }),
      { numRuns: 2_000 },
    )
  })
})
