import { createLimiter, type Decision, type Limiter, type MemoryStore, memoryStore, type Policy } from '@sluice/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { asOther, kinds, type Taken } from './kinds.ts'

const runs = { numRuns: 300 }

/** A step of a trace: some time passes, then a cost is asked for. */
const steps = fc.array(
  fc.record({
    wait: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 12 }), fc.integer({ min: 0, max: 400 })),
    cost: fc.oneof({ weight: 3, arbitrary: fc.constant(1) }, fc.integer({ min: 0, max: 15 })),
  }),
  { maxLength: 60, size: '+1' },
)

class Bench {
  now: number
  readonly limiter: Limiter<MemoryStore>

  constructor(policies: Policy | readonly Policy[], began = 1_000, store?: MemoryStore) {
    this.now = began
    this.limiter = createLimiter({
      policies: policies as Policy,
      store: store ?? memoryStore({ clock: () => this.now }),
    })
  }

  take(cost: number, key = 'key'): Decision {
    return this.limiter.consume(key, { cost })
  }

  peek(cost: number, after = 0): Decision {
    this.now += after
    const decision = this.limiter.peek('key', { cost })
    this.now -= after
    return decision
  }
}

/** The most by which any interval of the log saw more than it may. */
function overshoot(log: readonly Taken[], envelope: (ms: number) => number): number {
  let most = Number.NEGATIVE_INFINITY
  for (const [first, { at: from }] of log.entries()) {
    let admitted = 0
    for (const { at, cost } of log.slice(first)) {
      admitted += cost
      most = Math.max(most, admitted - envelope(at - from))
    }
  }
  return most
}

const standing = (decision: Decision) => {
  const [only] = decision.standings
  if (only === undefined) throw new Error('a decision has a standing')
  return only
}

describe.each(kinds)('$title', (kind) => {
  const trace = fc.record({ policy: kind.policy, began: fc.integer({ min: 0, max: 10_000 }), steps })

  /** Runs a trace, keeping the log of what was admitted. */
  function play(policy: Policy, began: number, list: readonly { wait: number; cost: number }[]) {
    const bench = new Bench(policy, began)
    const log: Taken[] = []
    const each = (visit: (cost: number, bench: Bench, log: readonly Taken[]) => void) => {
      for (const { wait, cost } of list) {
        bench.now += wait
        visit(cost, bench, log)
        if (bench.take(cost).allowed && cost > 0) log.push({ at: bench.now, cost })
      }
      return log
    }
    return { bench, each }
  }

  it('decides as its definition does over the log of all that was taken', () => {
    fc.assert(
      fc.property(trace, ({ policy, began, steps }) => {
        play(policy, began, steps).each((cost, bench, log) => {
          const room = policy.capacity - kind.used(policy, log, bench.now)
          expect(bench.peek(cost).allowed).toBe(cost <= Math.max(0, room))
        })
      }),
      runs,
    )
  })

  it('I1 never lets more through any interval than its envelope', () => {
    fc.assert(
      fc.property(trace, ({ policy, began, steps }) => {
        const log = play(policy, began, steps).each(() => undefined)
        expect(overshoot(log, (ms) => kind.envelope(policy, ms))).toBeLessThanOrEqual(0)
      }),
      runs,
    )
  })

  it('I2 gives a greedy client 0.999 of what it promises, over 1000 windows', () => {
    fc.assert(
      fc.property(
        kind.policy,
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 1_000, max: 4_000 }),
        (one, quota, windowMs) => {
          const policy = asOther({ ...one, windowMs }, quota)
          const bench = new Bench(policy, 0)
          const end = 1_000 * windowMs
          let got = 0
          while (bench.now < end) {
            const { remaining, moreAfterMs } = standing(bench.peek(0))
            if (remaining > 0 && bench.take(remaining).allowed) got += remaining
            bench.now += Math.max(1, remaining > 0 ? 1 : (moreAfterMs ?? 1))
          }
          expect(got).toBeGreaterThanOrEqual(0.999 * 1_000 * kind.sustained(policy))
        },
      ),
      { numRuns: 15 },
    )
  })

  it('I3 tells the wait honestly: after it the cost passes, a millisecond earlier it does not', () => {
    fc.assert(
      fc.property(trace, fc.integer({ min: 1, max: 60 }), ({ policy, began, steps }, asked) => {
        const { bench, each } = play(policy, began, steps)
        each(() => undefined)
        const { allowed, retryAfterMs } = bench.peek(asked)
        if (allowed || asked > policy.capacity) return
        expect(bench.peek(asked, retryAfterMs).allowed).toBe(true)
        expect(bench.peek(asked, retryAfterMs - 1).allowed).toBe(false)
      }),
      runs,
    )
  })

  it('I4 tells what remains honestly, when there will be more, and when it is as new', () => {
    fc.assert(
      fc.property(trace, ({ policy, began, steps }) => {
        const { bench, each } = play(policy, began, steps)
        each(() => undefined)
        const { remaining, moreAfterMs, resetAfterMs } = standing(bench.peek(0))
        expect(bench.peek(remaining).allowed).toBe(true)
        expect(bench.peek(remaining + 1).allowed).toBe(false)
        if (remaining === policy.capacity) {
          expect(moreAfterMs).toBe(0)
        } else {
          expect(bench.peek(remaining + 1, moreAfterMs ?? 0).allowed).toBe(true)
          expect(bench.peek(remaining + 1, (moreAfterMs ?? 0) - 1).allowed).toBe(false)
        }
        expect(standing(bench.peek(0, resetAfterMs)).resetAfterMs).toBe(0)
        expect(bench.peek(policy.capacity, resetAfterMs).allowed).toBe(true)
      }),
      runs,
    )
  })

  it('I5 finds more cost never easier and more time never harder', () => {
    fc.assert(
      fc.property(trace, fc.nat(60), fc.nat(500), fc.nat(500), ({ policy, began, steps }, asked, sooner, later) => {
        const { bench, each } = play(policy, began, steps)
        each(() => undefined)
        if (bench.peek(asked + 1).allowed) expect(bench.peek(asked).allowed).toBe(true)
        if (bench.peek(asked, sooner).allowed) expect(bench.peek(asked, sooner + later).allowed).toBe(true)
      }),
      runs,
    )
  })

  it('I5 changes nothing by a peek', () => {
    fc.assert(
      fc.property(trace, ({ policy, began, steps }) => {
        const looked = new Bench(policy, began)
        const left = new Bench(policy, began)
        for (const { wait, cost } of steps) {
          looked.now += wait
          left.now += wait
          looked.peek(cost)
          looked.take(0)
          expect(looked.take(cost)).toEqual(left.take(cost))
        }
      }),
      runs,
    )
  })

  it('I6 leaves every bucket alone when one of several denies', () => {
    fc.assert(
      fc.property(trace, ({ policy, began, steps }) => {
        const { quota, windowMs } = policy
        const [own, tight] = createLimiter({
          policies: [policy, asOther({ ...policy, windowMs: windowMs * 2 }, Math.max(1, quota - 1))],
        }).policies
        if (own === undefined || tight === undefined) throw new Error('two policies')
        const bench = new Bench([own, tight], began)
        for (const { wait, cost } of steps) {
          bench.now += wait
          const before = bench.peek(0).standings.map(({ remaining, resetAfterMs }) => [remaining, resetAfterMs])
          const { allowed, standings } = bench.take(cost)
          const after = bench.peek(0).standings.map(({ remaining, resetAfterMs }) => [remaining, resetAfterMs])
          expect(allowed).toBe(standings.every((one) => one.allowed))
          if (!allowed) expect(after).toEqual(before)
          else expect(after.map(([r]) => r)).toEqual(before.map(([r]) => (r ?? 0) - cost))
        }
      }),
      runs,
    )
  })

  it('I6 writes nothing into a bucket that denies', () => {
    fc.assert(
      fc.property(kind.policy, steps, (policy, list) => {
        const { algorithm } = policy
        const cells = Array<number>(algorithm.width(policy)).fill(0)
        let now = 1_000
        for (const { wait, cost } of list) {
          now += wait
          const before = [...cells]
          if (!algorithm.decide(cells, 0, policy, cost, now, true).allowed) expect(cells).toEqual(before)
        }
      }),
      runs,
    )
  })

  it('I7 denies more than its capacity for ever, and takes nothing', () => {
    fc.assert(
      fc.property(trace, fc.nat(1_000), ({ policy, began, steps }, more) => {
        const { bench, each } = play(policy, began, steps)
        each(() => undefined)
        const before = bench.peek(0)
        const denied = bench.take(policy.capacity + 1 + more)
        expect(denied.allowed).toBe(false)
        expect(denied.retryAfterMs).toBe(Number.POSITIVE_INFINITY)
        expect(bench.peek(0)).toEqual(before)
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

  it('I8 keeps its envelope over the time the clock went forward, whatever it went back', () => {
    fc.assert(
      fc.property(kind.policy, jumps, (policy, list) => {
        const bench = new Bench(policy, 100_000)
        const log: Taken[] = []
        let travelled = 0
        for (const { by, cost } of list) {
          bench.now += by
          travelled += Math.max(0, by)
          if (bench.take(cost).allowed) log.push({ at: travelled, cost })
        }
        expect(overshoot(log, (ms) => kind.envelope(policy, ms))).toBeLessThanOrEqual(0)
      }),
      runs,
    )
  })

  it('I8 is free again one capacity-time after a clock that was ahead has come back', () => {
    fc.assert(
      fc.property(trace, fc.integer({ min: 1, max: 10 ** 9 }), ({ policy, began, steps }, ahead) => {
        const { bench, each } = play(policy, began + ahead, steps)
        each(() => undefined)
        while (bench.take(1).allowed);
        bench.now = began
        bench.take(1)
        expect(bench.peek(policy.capacity, kind.capacityMs(policy)).allowed).toBe(true)
      }),
      runs,
    )
  })

  it('I9 decides alike whether or not expired buckets are dropped', () => {
    fc.assert(
      fc.property(trace, ({ policy, began, steps }) => {
        const kept = new Bench(policy, began)
        const dropped = new Bench(policy, began)
        for (const { wait, cost } of steps) {
          kept.now += wait
          dropped.now += wait
          if (standing(dropped.peek(0)).resetAfterMs === 0) dropped.limiter.reset('key')
          expect(dropped.take(cost)).toEqual(kept.take(cost))
        }
      }),
      runs,
    )
  })

  it('I10 takes n units as it takes one unit n times', () => {
    fc.assert(
      fc.property(trace, fc.nat(30), ({ policy, began, steps }, n) => {
        const whole = play(policy, began, steps)
        const single = play(policy, began, steps)
        whole.each(() => undefined)
        single.each(() => undefined)
        const { remaining } = standing(whole.bench.peek(0))
        const units = Math.min(n, remaining)
        whole.bench.take(units)
        for (let unit = 0; unit < units; unit++) expect(single.bench.take(1).allowed).toBe(true)
        expect(single.bench.peek(1)).toEqual(whole.bench.peek(1))
      }),
      runs,
    )
  })

  it('I14 gives no second allowance to a client that changes between plans', () => {
    fc.assert(
      fc.property(trace, fc.integer({ min: 1, max: 40 }), ({ policy, began, steps }, quota) => {
        const store = memoryStore({ clock: () => now })
        let now = began
        const plans = [policy, asOther(policy, quota)].map((plan) => createLimiter({ policies: plan, store }))
        const log: Taken[] = []
        for (const [turn, { wait, cost }] of steps.entries()) {
          now += wait
          if (plans[turn % 2]?.consume('key', { cost }).allowed) log.push({ at: now, cost })
        }
        const both = plans.flatMap((plan) => plan.policies)
        const capacity = Math.max(...both.map((plan) => plan.capacity))
        const most = (ms: number) => Math.max(...both.map((plan) => kind.envelope(plan, ms))) + capacity
        expect(overshoot(log, most)).toBeLessThanOrEqual(0)
      }),
      runs,
    )
  })

  it('gives back what was taken, and never more than is still owed', () => {
    fc.assert(
      fc.property(
        trace,
        fc.integer({ min: 1, max: 10 }),
        steps,
        fc.integer({ min: 1, max: 10 }),
        ({ policy, began, steps: earlier }, cost, after, back) => {
          const { bench, each } = play(policy, began, earlier)
          const log = each(() => undefined)
          const receipt = bench.take(cost)
          const others: Taken[] = []
          for (const { wait, cost } of after) {
            bench.now += wait
            if (bench.take(cost).allowed) others.push({ at: bench.now, cost })
          }
          const before = standing(bench.peek(0)).remaining
          bench.limiter.refund(receipt, { cost: back })
          bench.limiter.refund(receipt)
          bench.limiter.refund(receipt)
          const never = policy.capacity - kind.used(policy, [...log, ...others], bench.now)
          // A fixed window that the receipt opened has ended earlier than one opened by those after it: with or without a refund.
          expect(standing(bench.peek(0)).remaining).toBeLessThanOrEqual(Math.max(before, never))
        },
      ),
      runs,
    )
  })

  it('gives everything back when nothing happened in between', () => {
    fc.assert(
      fc.property(trace, fc.integer({ min: 1, max: 10 }), ({ policy, began, steps }, cost) => {
        const { bench, each } = play(policy, began, steps)
        each(() => undefined)
        const before = standing(bench.peek(0)).remaining
        bench.limiter.refund(bench.take(cost))
        expect(standing(bench.peek(0)).remaining).toBe(before)
      }),
      runs,
    )
  })
})
