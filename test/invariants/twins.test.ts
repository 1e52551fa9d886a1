import { createLimiter, Decision, type MemoryStore, memoryStore, type Policy, type Store } from '@sluice/core'
import { redisStore } from '@sluice/redis'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { asSoft } from '../../packages/core/src/policies/policy.ts'
import { aPrefix } from '../redis/stores.ts'
import { owingAtMost } from './debt.ts'
import { anyQuota, asOther, kinds } from './kinds.ts'

const forward = fc.oneof({ weight: 2, arbitrary: fc.integer({ min: 0, max: 40 }) }, fc.integer({ min: 0, max: 600 }))
const anyway = fc.oneof({ weight: 4, arbitrary: forward }, fc.integer({ min: -2_000, max: 2_000 }))

type Verb = 'take' | 'look' | 'give' | 'once' | 'grant' | 'revoke' | 'past'

const stepsBy = (by: fc.Arbitrary<number>, keys: readonly string[], verbs: readonly Verb[]) =>
  fc.array(
    fc.record({
      by,
      verb: fc.constantFrom(...verbs),
      key: fc.constantFrom(...keys),
      cost: fc.oneof({ weight: 3, arbitrary: fc.constant(1) }, fc.integer({ min: 0, max: 16 })),
      // The plan that the client is on: 0 is the policies as they are, others have another quota.
      plan: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.integer({ min: 1, max: 2 })),
      soft: fc.oneof({ weight: 3, arbitrary: fc.constant(false) }, fc.constant(true)),
    }),
    { maxLength: 60, size: '+1' },
  )

const oneOf = fc.oneof(
  { weight: 2, arbitrary: fc.constantFrom(...kinds).chain((kind) => kind.policy) },
  { weight: 1, arbitrary: anyQuota },
)

/** Of each policy; as large as can be where there is none. */
const maxDebt = fc.option(fc.nat(30), { nil: undefined, freq: 1 })

const forwardTrace = fc.record({
  maxDebt,
  list: fc.array(oneOf, { minLength: 1, maxLength: 3 }),
  quotas: fc.tuple(fc.integer({ min: 1, max: 30 }), fc.integer({ min: 1, max: 30 })),
  steps: stepsBy(forward, ['a', 'b'], ['take', 'take', 'take', 'look', 'give', 'once', 'grant', 'revoke', 'past']),
})

/** One bucket alone, never given back to: what has expired may be forgotten as others come, and no clock brings it back. */
const jumpingTrace = fc.record({
  maxDebt,
  list: fc.tuple(oneOf),
  quotas: fc.constant<[number, number]>([3, 17]),
  steps: stepsBy(anyway, ['a'], ['take', 'take', 'look', 'grant', 'past']),
})

/** Policies as a limit binds them, each with a name. */
function bound(list: readonly Policy[]): readonly Policy[] {
  return list.flatMap((policy, i) => createLimiter({ policies: policy, name: `policy-${i}` }).policies)
}

const numbers = (decision: Decision) => [
  decision.allowed,
  ...decision.standings.map((one) => ({ ...one, policy: null })),
]

type Answer = OnceAnswer | readonly number[]
type OnceAnswer = ReturnType<MemoryStore['consumeOnce']>

const plain = (answer: Answer) =>
  'standings' in answer ? [answer.repeated, answer.standings.map((one) => ({ ...one, policy: null }))] : answer

/** I13: the same asks at the same times, through memory and through Redis. No rounding sets them apart. */
describe.each([
  { title: 'all in one turn of the loop', together: true, rememberDenials: false },
  { title: 'one after the other', together: false, rememberDenials: false },
  { title: 'one after the other, denials remembered', together: false, rememberDenials: true },
])('I13 the twins in TypeScript and Lua, asked $title', ({ together, rememberDenials }) => {
  let now = 0
  let run = 0
  let redis: Store
  beforeAll(() => {
    redis = redisStore(inject('redisUrl'), { clock: () => now, prefix: aPrefix(), rememberDenials })
  })
  afterAll(() => redis.close())

  it('decide, tell and keep exactly the same', async () => {
    await fc.assert(
      fc.asyncProperty(
        together ? fc.oneof(forwardTrace, jumpingTrace) : forwardTrace,
        async ({ list, quotas, maxDebt, steps }) => {
          run += 1
          const plans = [list, ...quotas.map((quota) => list.map((policy) => asOther(policy, quota)))]
            .map(bound)
            .map((plan) => plan.map((policy) => owingAtMost(policy, maxDebt)))
          const memory = memoryStore({ clock: () => now })
          const receipts: Decision[] = []
          const pairs: [wanted: Decision, got: Promise<Decision>][] = []
          const answers: [wanted: Answer, got: Answer | Promise<Answer>][] = []
          now = 300_000
          for (const { by, verb, key: short, cost, plan, soft } of steps) {
            now += by
            const key = `${run}-${short}`
            // The answer to an id is kept with the plan's quota, from which the largest debt follows.
            const softly = soft && (verb !== 'once' || maxDebt === undefined)
            const policies = plans[plan] ?? []
            const asks = (softly ? policies.map((policy) => asSoft(policy)) : policies).map((policy) => ({
              policy,
              key,
              cost,
            }))
            if (verb === 'give') {
              const receipt = receipts.pop()
              const returns = receipt?.standings.map(({ policy, at }) => ({
                policy,
                key: receipt.key,
                cost: receipt.cost,
                at,
              }))
              memory.refund(returns ?? [])
              const refunded = redis.refund(returns ?? [])
              if (!together) await refunded
              continue
            }
            if (verb === 'once') {
              const once = { scope: 'twins', id: `id-${cost % 3}`, keepMs: 500 }
              const wanted = memory.consumeOnce(asks, once)
              const got = redis.consumeOnce(asks, once)
              if (!together) await got
              answers.push([wanted, got])
              continue
            }
            if (verb === 'grant' || verb === 'revoke' || verb === 'past') {
              for (const { policy } of asks.filter(({ policy }) => policy.calendar !== undefined)) {
                const expiresAt = cost % 3 === 0 ? Number.POSITIVE_INFINITY : now + 50 * cost
                const change = { verb, policy, key, cost: 1 + (cost % 7), id: [1, cost % 5] as const, expiresAt }
                const wanted = memory.edit(change)
                const got = redis.edit(change)
                if (!together) await got
                answers.push([wanted, got])
              }
              continue
            }
            const how = verb === 'take' ? 'consume' : 'peek'
            const wanted = new Decision(asks, memory[how](asks), how)
            const answer = Promise.resolve(redis[how](asks))
            const got = answer.then((standings) => new Decision(asks, standings, how))
            if (!together) await got
            if (verb === 'take' && wanted.allowed) receipts.push(wanted)
            pairs.push([wanted, got])
          }
          for (const [wanted, got] of answers) expect(plain(await got)).toEqual(plain(wanted))
          for (const [wanted, got] of pairs) expect(numbers(await got)).toEqual(numbers(wanted))
          memory.close()
        },
      ),
      { numRuns: together ? 400 : 150 },
    )
  })
})
