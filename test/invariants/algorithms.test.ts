import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { algorithms } from '../../packages/core/src/algorithms/registry.ts'
import { kinds } from './kinds.ts'
import { steps } from './suite.ts'

describe.each(kinds)('$title', (kind) => {
  it('I6 writes nothing into a bucket that denies', () => {
    fc.assert(
      fc.property(kind.policy, steps, (policy, list) => {
        const algorithm = algorithms[policy.algorithm]
        const cells = Array<number>(algorithm.width(policy)).fill(0)
        let now = 1_000
        for (const { wait, cost } of list) {
          now += wait
          const before = [...cells]
          if (!algorithm.decide(cells, 0, policy, cost, now, true).allowed) expect(cells).toEqual(before)
        }
      }),
      { numRuns: 300 },
    )
  })
})
