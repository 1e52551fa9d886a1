import type { Decision, Policy } from '@sluice/core'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { asSoft, bindPolicy, bucketOf } from '../../packages/core/src/policies/policy.ts'
import { Bench, standing, type World } from './bench.ts'
import type { Kind, Taken } from './kinds.ts'

/** Takes of which some are soft: they ask nobody whether there is room. */
export const owingSteps = fc.array(
  fc.record({
    wait: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 12 }), fc.integer({ min: 0, max: 400 })),
    soft: fc.boolean(),
    cost: fc.oneof({ weight: 2, arbitrary: fc.constant(1) }, fc.integer({ min: 0, max: 30 })),
  }),
  { maxLength: 40, size: '+1' },
)

/** The same policy, which can owe no more than this. */
export function owingAtMost(policy: Policy, maxDebt: number | undefined): Policy {
  if (maxDebt === undefined) return policy
  const { name, plan, shadow, warnAt, warnEvery } = policy
  return bindPolicy({ ...policy, maxDebt }, { name, plan, shadow, warnAt, warnEvery, bucket: bucketOf(policy) })
}

const numbers = (decision: Decision) => ({ ...standing(decision), policy: null })

/** What holds of debt, for an algorithm over one store. */
export function owesHonestly(kind: Kind, world: World, numRuns: number): void {
  const runs = { numRuns, endOnFailure: numRuns < 100 }
  const owed = kind.owed ?? kind.used
  const trace = fc.record({ policy: kind.policy, began: fc.integer({ min: 0, max: 10_000 }), steps: owingSteps })
  const bounded = fc.record({
    policy: fc
      .tuple(kind.policy, fc.option(fc.nat(40), { nil: undefined }))
      .map(([one, most]) => owingAtMost(one, most)),
    began: fc.integer({ min: 0, max: 10_000 }),
    steps: owingSteps,
  })

  /** A bucket with a trace behind it, by its normal policy; and what was taken. */
  async function played(
    policy: Policy,
    began: number,
    steps: readonly { wait: number; soft: boolean; cost: number }[],
  ) {
    const bench = new Bench(world, policy, began)
    const soft = bench.by(asSoft(policy))
    const log: Taken[] = []
    for (const step of steps) {
      bench.now += step.wait
      soft.now = bench.now
      const { allowed } = await (step.soft ? soft : bench).take(step.cost)
      if (allowed && step.cost > 0) log.push({ at: bench.now, cost: step.cost })
    }
    return { bench, soft, log }
  }

  it('lets every soft take pass, up to its largest debt, and a normal one only beside what is owed', async () => {
    await fc.assert(
      fc.asyncProperty(bounded, async ({ policy, began, steps }) => {
        const bench = new Bench(world, policy, began)
        const softly = bench.by(asSoft(policy))
        const most = policy.capacity + policy.maxDebt
        const log: Taken[] = []
        for (const { wait, soft, cost } of steps) {
          bench.now += wait
          softly.now = bench.now
          const before = owed(policy, log, bench.now)
          const one = standing(await (soft ? softly : bench).take(cost))
          const fits = cost <= Math.max(0, policy.capacity - before)
          expect(one.allowed).toBe(soft || fits)
          if (soft) expect(one.retryAfterMs).toBe(0)
          if (one.allowed && cost > 0) log.push({ at: bench.now, cost: Math.max(0, Math.min(cost, most - before)) })
          const used = owed(policy, log, bench.now)
          expect(used).toBeLessThanOrEqual(most)
          expect([one.used, one.remaining, one.debt]).toEqual([
            used,
            Math.max(0, policy.capacity - used),
            Math.max(0, used - policy.capacity),
          ])
          if (policy.algorithm !== 'leaky-bucket') expect(one.delayMs).toBe(0)
          const { moreAfterMs, resetAfterMs } = standing(await bench.peek(0))
          expect([one.moreAfterMs, one.resetAfterMs]).toEqual([moreAfterMs, resetAfterMs])
        }
      }),
      runs,
    )
  })

  it('I3 tells the wait honestly: after it the cost passes, a millisecond earlier it does not', async () => {
    await fc.assert(
      fc.asyncProperty(trace, fc.integer({ min: 1, max: 60 }), async ({ policy, began, steps }, asked) => {
        const { bench } = await played(policy, began, steps)
        const { allowed, retryAfterMs } = await bench.peek(asked)
        if (allowed) return
        if (asked > policy.capacity) {
          expect(retryAfterMs).toBe(Number.POSITIVE_INFINITY)
          return
        }
        expect((await bench.peek(asked, retryAfterMs)).allowed).toBe(true)
        expect((await bench.peek(asked, retryAfterMs - 1)).allowed).toBe(false)
      }),
      runs,
    )
  })

  it('I4 tells what remains honestly, when there will be more, and when it is as new', async () => {
    await fc.assert(
      fc.asyncProperty(trace, async ({ policy, began, steps }) => {
        const { bench } = await played(policy, began, steps)
        const { allowed, remaining, moreAfterMs, resetAfterMs, debt } = standing(await bench.peek(0))
        expect(allowed).toBe(true)
        expect((await bench.peek(remaining)).allowed).toBe(true)
        expect((await bench.peek(remaining + 1)).allowed).toBe(false)
        if (debt > 0) expect(moreAfterMs).toBeGreaterThan(0)
        if (remaining < policy.capacity) {
          expect((await bench.peek(remaining + 1, moreAfterMs ?? 0)).allowed).toBe(true)
          expect((await bench.peek(remaining + 1, (moreAfterMs ?? 0) - 1)).allowed).toBe(false)
        }
        const fresh = new Bench(world, policy, bench.now + resetAfterMs)
        expect(numbers(await bench.peek(policy.capacity, resetAfterMs))).toEqual(
          numbers(await fresh.peek(policy.capacity)),
        )
      }),
      runs,
    )
  })

  it('I5 finds more cost never easier and more time never harder, and changes nothing by a peek', async () => {
    await fc.assert(
      fc.asyncProperty(
        trace,
        fc.nat(60),
        fc.nat(500),
        fc.nat(500),
        async ({ policy, began, steps }, asked, sooner, later) => {
          const { bench, soft } = await played(policy, began, steps)
          const before = numbers(await bench.peek(asked))
          await soft.peek(asked)
          await soft.take(0)
          expect(numbers(await bench.peek(asked))).toEqual(before)
          if ((await bench.peek(asked + 1)).allowed) expect((await bench.peek(asked)).allowed).toBe(true)
          if ((await bench.peek(asked, sooner)).allowed)
            expect((await bench.peek(asked, sooner + later)).allowed).toBe(true)
        },
      ),
      runs,
    )
  })

  it('I8 keeps what is owed when the clock goes back', async () => {
    await fc.assert(
      fc.asyncProperty(kind.policy, fc.integer({ min: 1, max: 60 }), fc.nat(10_000), async (policy, owing, by) => {
        const soft = new Bench(world, asSoft(policy), 20_000)
        await soft.take(policy.capacity + owing)
        soft.now -= by
        expect(standing(await soft.take(0)).debt).toBe(owing)
      }),
      runs,
    )
  })

  it('I9 decides alike whether or not expired buckets are dropped', async () => {
    await fc.assert(
      fc.asyncProperty(bounded, async ({ policy, began, steps }) => {
        const kept = new Bench(world, policy, began)
        const dropped = new Bench(world, policy, began)
        const softly = [kept.by(asSoft(policy)), dropped.by(asSoft(policy))]
        for (const { wait, soft, cost } of steps) {
          for (const bench of [kept, dropped, ...softly]) bench.now += wait
          if (standing(await dropped.peek(0)).resetAfterMs === 0) await dropped.reset()
          const [one = kept, other = dropped] = soft ? softly : []
          expect(numbers(await other.take(cost))).toEqual(numbers(await one.take(cost)))
        }
      }),
      runs,
    )
  })

  it('gives back what was taken, and never more than is still owed', async () => {
    await fc.assert(
      fc.asyncProperty(
        trace,
        fc.integer({ min: 1, max: 40 }),
        owingSteps,
        fc.integer({ min: 1, max: 40 }),
        async ({ policy, began, steps }, cost, after, back) => {
          const { bench, soft, log } = await played(policy, began, steps)
          const receipt = await soft.take(cost)
          for (const step of after) {
            bench.now += step.wait
            soft.now = bench.now
            const { allowed } = await (step.soft ? soft : bench).take(step.cost)
            if (allowed && step.cost > 0) log.push({ at: bench.now, cost: step.cost })
          }
          const before = standing(await bench.peek(0)).used
          await bench.refund(receipt, back)
          await soft.refund(receipt)
          await soft.refund(receipt)
          const { used } = standing(await bench.peek(0))
          expect(used).toBeLessThanOrEqual(before)
          expect(used).toBeGreaterThanOrEqual(Math.min(before, kind.used(policy, log, bench.now)))
        },
      ),
      runs,
    )
  })

  it('gives everything back when nothing happened in between', async () => {
    await fc.assert(
      fc.asyncProperty(trace, fc.integer({ min: 1, max: 60 }), async ({ policy, began, steps }, cost) => {
        const { bench, soft } = await played(policy, began, steps)
        const before = standing(await bench.peek(0)).used
        await soft.refund(await soft.take(cost))
        expect(standing(await bench.peek(0)).used).toBe(before)
      }),
      runs,
    )
  })
}
