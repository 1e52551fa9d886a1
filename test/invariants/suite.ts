import { createLimiter, type Policy } from '@sluice/core'
import type { MakeStore } from '@sluice/core/testing'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Bench, standing, World } from './bench.ts'
import { owesHonestly } from './debt.ts'
import { asOther, type Kind, kinds, type Taken } from './kinds.ts'

/** A step of a trace: some time passes, then a cost is asked for. */
export const steps = fc.array(
  fc.record({
    wait: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 12 }), fc.integer({ min: 0, max: 400 })),
    cost: fc.oneof({ weight: 3, arbitrary: fc.constant(1) }, fc.integer({ min: 0, max: 15 })),
  }),
  { maxLength: 60, size: '+1' },
)

/** The most by which any interval of the log saw more than it may. */
function overshoot(log: readonly Taken[], envelope: (ms: number, stepsBack: number) => number): number {
  let most = Number.NEGATIVE_INFINITY
  for (const [first, { at: from, stepsBack: before = 0 }] of log.entries()) {
    let admitted = 0
    for (const { at, cost, stepsBack = 0 } of log.slice(first)) {
      admitted += cost
      most = Math.max(most, admitted - envelope(at - from, stepsBack - before))
    }
  }
  return most
}

/** Every invariant of docs/arithmetic.md, for every algorithm over one store; `numRuns` tells how hard it is tried. */
export function invariants(makeStore: MakeStore, numRuns: number): void {
  const world = new World()
  beforeAll(async () => {
    world.store = await makeStore(() => world.now)
  })
  afterAll(() => world.store?.close())
  describe.each(kinds)('$title', (kind) => obeysThem(kind, world, numRuns))
  // A calendar quota owes nothing: it reports what is over.
  const owing = kinds.filter(({ title }) => title !== 'calendar quota')
  describe.each(owing)('$title, in debt', (kind) => owesHonestly(kind, world, numRuns))
}

function obeysThem(kind: Kind, world: World, numRuns: number): void {
  const runs = { numRuns, endOnFailure: numRuns < 100 }
  const trace = fc.record({ policy: kind.policy, began: fc.integer({ min: 0, max: 10_000 }), steps })

  /** Runs a trace, keeping the log of what was admitted. */
  function play(policy: Policy, began: number, list: readonly { wait: number; cost: number }[]) {
    const bench = new Bench(world, policy, began)
    const log: Taken[] = []
    const each = async (visit?: (cost: number, bench: Bench, log: readonly Taken[]) => Promise<void>) => {
      for (const { wait, cost } of list) {
        bench.now += wait
        await visit?.(cost, bench, log)
        if ((await bench.take(cost)).allowed && cost > 0) log.push({ at: bench.now, cost })
      }
      return log
    }
    return { bench, each }
  }

  it('decides as its definition does over the log of all that was taken', async () => {
    await fc.assert(
      fc.asyncProperty(trace, async ({ policy, began, steps }) => {
        await play(policy, began, steps).each(async (cost, bench, log) => {
          const room = policy.capacity - kind.used(policy, log, bench.now)
          expect((await bench.peek(cost)).allowed).toBe(cost <= Math.max(0, room))
        })
      }),
      runs,
    )
  })

  it('I1 never lets more through any interval than its envelope', async () => {
    await fc.assert(
      fc.asyncProperty(trace, async ({ policy, began, steps }) => {
        const log = await play(policy, began, steps).each()
        expect(overshoot(log, (ms) => kind.envelope(policy, ms))).toBeLessThanOrEqual(0)
      }),
      runs,
    )
  })

  // Each take is a request over REST: there a quarter of the windows has to do.
  const windows = numRuns < 4 ? 250 : 1_000
  it(`I2 gives a greedy client 0.999 of what it promises, over ${windows} windows`, async () => {
    await fc.assert(
      fc.asyncProperty(
        kind.policy,
        fc.integer({ min: 1, max: Math.ceil(numRuns / 15) }),
        fc.integer({ min: 1_000, max: 4_000 }),
        async (one, quota, windowMs) => {
          const policy = asOther({ ...one, windowMs }, quota)
          const bench = new Bench(world, policy, 0)
          const end = windows * windowMs
          let got = 0
          while (bench.now < end) {
            const { remaining, moreAfterMs } = standing(await bench.peek(0))
            if (remaining > 0 && (await bench.take(remaining)).allowed) got += remaining
            bench.now += Math.max(1, remaining > 0 ? 1 : (moreAfterMs ?? 1))
          }
          expect(got).toBeGreaterThanOrEqual(0.999 * windows * kind.sustained(policy))
        },
      ),
      { numRuns: Math.ceil(numRuns / 20) },
    )
  })

  it('I3 tells the wait honestly: after it the cost passes, a millisecond earlier it does not', async () => {
    await fc.assert(
      fc.asyncProperty(trace, fc.integer({ min: 1, max: 60 }), async ({ policy, began, steps }, asked) => {
        const { bench, each } = play(policy, began, steps)
        await each()
        const { allowed, retryAfterMs } = await bench.peek(asked)
        if (allowed || asked > policy.capacity) return
        expect((await bench.peek(asked, retryAfterMs)).allowed).toBe(true)
        expect((await bench.peek(asked, retryAfterMs - 1)).allowed).toBe(false)
      }),
      runs,
    )
  })

  it('I4 tells what remains honestly, when there will be more, and when it is as new', async () => {
    await fc.assert(
      fc.asyncProperty(trace, async ({ policy, began, steps }) => {
        const { bench, each } = play(policy, began, steps)
        await each()
        const { remaining, moreAfterMs, resetAfterMs } = standing(await bench.peek(0))
        expect((await bench.peek(remaining)).allowed).toBe(true)
        expect((await bench.peek(remaining + 1)).allowed).toBe(false)
        if (remaining === policy.capacity) {
          expect(moreAfterMs).toBe(0)
        } else {
          expect((await bench.peek(remaining + 1, moreAfterMs ?? 0)).allowed).toBe(true)
          expect((await bench.peek(remaining + 1, (moreAfterMs ?? 0) - 1)).allowed).toBe(false)
        }
        expect(standing(await bench.peek(0, resetAfterMs)).resetAfterMs).toBe(0)
        expect((await bench.peek(policy.capacity, resetAfterMs)).allowed).toBe(true)
      }),
      runs,
    )
  })

  it('I5 finds more cost never easier and more time never harder', async () => {
    await fc.assert(
      fc.asyncProperty(
        trace,
        fc.nat(60),
        fc.nat(500),
        fc.nat(500),
        async ({ policy, began, steps }, asked, sooner, later) => {
          const { bench, each } = play(policy, began, steps)
          await each()
          if ((await bench.peek(asked + 1)).allowed) expect((await bench.peek(asked)).allowed).toBe(true)
          if ((await bench.peek(asked, sooner)).allowed)
            expect((await bench.peek(asked, sooner + later)).allowed).toBe(true)
        },
      ),
      runs,
    )
  })

  it('I5 changes nothing by a peek', async () => {
    await fc.assert(
      fc.asyncProperty(trace, async ({ policy, began, steps }) => {
        const looked = new Bench(world, policy, began)
        const left = new Bench(world, policy, began)
        for (const { wait, cost } of steps) {
          looked.now += wait
          left.now += wait
          await looked.peek(cost)
          await looked.take(0)
          expect((await looked.take(cost)).standings).toEqual((await left.take(cost)).standings)
        }
      }),
      runs,
    )
  })

  it('I6 leaves every bucket alone when one of several denies', async () => {
    await fc.assert(
      fc.asyncProperty(trace, async ({ policy, began, steps }) => {
        const { quota, windowMs } = policy
        const [own, tight] = createLimiter({
          policies: [policy, asOther({ ...policy, windowMs: windowMs * 2 }, Math.max(1, quota - 1))],
        }).policies
        if (own === undefined || tight === undefined) throw new Error('two policies')
        const bench = new Bench(world, [own, tight], began)
        for (const { wait, cost } of steps) {
          bench.now += wait
          const before = (await bench.peek(0)).standings.map(({ remaining, resetAfterMs }) => [remaining, resetAfterMs])
          const { allowed, standings } = await bench.take(cost)
          const after = (await bench.peek(0)).standings.map(({ remaining, resetAfterMs }) => [remaining, resetAfterMs])
          expect(allowed).toBe(standings.every((one) => one.allowed))
          if (!allowed) expect(after).toEqual(before)
          else expect(after.map(([r]) => r)).toEqual(before.map(([r]) => (r ?? 0) - cost))
        }
      }),
      runs,
    )
  })

  it('I7 denies more than its capacity for ever, and takes nothing', async () => {
    await fc.assert(
      fc.asyncProperty(trace, fc.nat(1_000), async ({ policy, began, steps }, more) => {
        const { bench, each } = play(policy, began, steps)
        await each()
        const before = await bench.peek(0)
        const denied = await bench.take(policy.capacity + 1 + more)
        expect(denied.allowed).toBe(false)
        expect(denied.retryAfterMs).toBe(Number.POSITIVE_INFINITY)
        expect(await bench.peek(0)).toEqual(before)
      }),
      runs,
    )
  })

  /** Steps of a clock that also jumps back and ahead. */
  const jumps = fc.array(
    fc.record({
      by: fc.oneof(fc.integer({ min: 0, max: 50 }), fc.integer({ min: -3_000, max: 3_000 })),
      cost: fc.integer({ min: 0, max: 8 }),
    }),
    { maxLength: 60, size: '+1' },
  )

  it('I8 keeps its envelope over the time the clock went forward, whatever it went back', async () => {
    await fc.assert(
      fc.asyncProperty(kind.policy, jumps, async (policy, list) => {
        const bench = new Bench(world, policy, 200_000)
        const log: Taken[] = []
        let travelled = 0
        let stepsBack = 0
        for (const { by, cost } of list) {
          bench.now += by
          travelled += Math.max(0, by)
          if (by < 0) stepsBack += 1
          if ((await bench.take(cost)).allowed) log.push({ at: travelled, cost, stepsBack })
        }
        const envelope = (ms: number, steps: number) =>
          kind.envelope(policy, ms) + steps * (kind.reopens?.(policy) ?? 0)
        expect(overshoot(log, envelope)).toBeLessThanOrEqual(0)
      }),
      runs,
    )
  })

  it('I8 is free again one capacity-time after a clock that was ahead has come back', async () => {
    await fc.assert(
      fc.asyncProperty(trace, fc.integer({ min: 1, max: 10 ** 9 }), async ({ policy, began, steps }, ahead) => {
        const { bench, each } = play(policy, began + ahead, steps)
        await each()
        while ((await bench.take(1)).allowed);
        bench.now = began
        await bench.take(1)
        expect((await bench.peek(policy.capacity, kind.capacityMs(policy))).allowed).toBe(true)
      }),
      runs,
    )
  })

  it('I9 decides alike whether or not expired buckets are dropped', async () => {
    await fc.assert(
      fc.asyncProperty(trace, async ({ policy, began, steps }) => {
        const kept = new Bench(world, policy, began)
        const dropped = new Bench(world, policy, began)
        for (const { wait, cost } of steps) {
          kept.now += wait
          dropped.now += wait
          if (standing(await dropped.peek(0)).resetAfterMs === 0) await dropped.reset()
          expect((await dropped.take(cost)).standings).toEqual((await kept.take(cost)).standings)
        }
      }),
      runs,
    )
  })

  it('I10 takes n units as it takes one unit n times', async () => {
    await fc.assert(
      fc.asyncProperty(trace, fc.nat(30), async ({ policy, began, steps }, n) => {
        const whole = play(policy, began, steps)
        const single = play(policy, began, steps)
        await whole.each()
        await single.each()
        const { remaining } = standing(await whole.bench.peek(0))
        const units = Math.min(n, remaining)
        await whole.bench.take(units)
        for (let unit = 0; unit < units; unit++) expect((await single.bench.take(1)).allowed).toBe(true)
        expect((await single.bench.peek(1)).standings).toEqual((await whole.bench.peek(1)).standings)
      }),
      runs,
    )
  })

  it('I14 gives no second allowance to a client that changes between plans', async () => {
    await fc.assert(
      fc.asyncProperty(trace, fc.integer({ min: 1, max: 40 }), async ({ policy, began, steps }, quota) => {
        const one = new Bench(world, policy, began)
        const plans = [one, new Bench(world, asOther(policy, quota), began, one.key)]
        let now = began
        const log: Taken[] = []
        for (const [turn, { wait, cost }] of steps.entries()) {
          now += wait
          const plan = plans[turn % 2] ?? one
          plan.now = now
          if ((await plan.take(cost)).allowed) log.push({ at: now, cost })
        }
        const both = plans.flatMap((plan) => plan.limiter.policies)
        const capacity = Math.max(...both.map((plan) => plan.capacity))
        const most = (ms: number) => Math.max(...both.map((plan) => kind.envelope(plan, ms))) + capacity
        expect(overshoot(log, most)).toBeLessThanOrEqual(0)
      }),
      runs,
    )
  })

  it('gives back what was taken, and never more than is still owed', async () => {
    await fc.assert(
      fc.asyncProperty(
        trace,
        fc.integer({ min: 1, max: 10 }),
        steps,
        fc.integer({ min: 1, max: 10 }),
        async ({ policy, began, steps: earlier }, cost, after, back) => {
          const { bench, each } = play(policy, began, earlier)
          const log = await each()
          const receipt = await bench.take(cost)
          const others: Taken[] = []
          for (const { wait, cost } of after) {
            bench.now += wait
            if ((await bench.take(cost)).allowed) others.push({ at: bench.now, cost })
          }
          const before = standing(await bench.peek(0)).remaining
          await bench.refund(receipt, back)
          await bench.refund(receipt)
          await bench.refund(receipt)
          const never = policy.capacity - kind.used(policy, [...log, ...others], bench.now)
          // A fixed window that the receipt opened has ended earlier than one opened by those after it: with or without a refund.
          expect(standing(await bench.peek(0)).remaining).toBeLessThanOrEqual(Math.max(before, never))
        },
      ),
      runs,
    )
  })

  it('gives everything back when nothing happened in between', async () => {
    await fc.assert(
      fc.asyncProperty(trace, fc.integer({ min: 1, max: 10 }), async ({ policy, began, steps }, cost) => {
        const { bench, each } = play(policy, began, steps)
        await each()
        const before = standing(await bench.peek(0)).remaining
        await bench.refund(await bench.take(cost))
        expect(standing(await bench.peek(0)).remaining).toBe(before)
      }),
      runs,
    )
  })
}
