import { memoryStore } from '../memory/memory-store.js'
import { calendarQuota } from '../policies/calendar-quota.js'
import { fixedWindow, leakyBucket, slidingLog, slidingWindow, tokenBucket } from '../policies/constructors.js'
import type { Policy } from '../policies/policy.js'
import { same } from './assert.js'
import type { Behaviour } from './behaviour.js'
import { outcomeOf, remaining, StoreBench, standingsOf } from './bench.js'
import { every } from './quota-behaviours.js'

/** Ten units each, in a minute or so. */
export const kinds: Readonly<Record<string, Policy>> = {
  'a fixed window': fixedWindow('10/min'),
  'a sliding window': slidingWindow('10/min'),
  'a strict sliding window': slidingWindow('10/min', { subWindows: 6 }),
  'a sliding log': slidingLog('10/min'),
  'a token bucket': tokenBucket('10/min'),
  'a leaky bucket': leakyBucket('10/min', { queue: 9 }),
  'a calendar quota': calendarQuota({ quota: 10, unit: 'requests' }, every(60_000)),
}

/** What a store must show of every kind of policy. */
export function policyBehaviours(): readonly Behaviour[] {
  return Object.entries(kinds).flatMap(([kind, policy]): Behaviour[] => [
    [
      `lets exactly what is left pass ${kind}, one by one or at once`,
      async (bench) => {
        const limiter = bench.limiter(policy)
        for (let left = 9; left >= 0; left--) same(remaining(await limiter.consume('one')), left, 'remaining')
        same((await limiter.consume('one')).allowed, false, 'the eleventh')
        same(remaining(await limiter.consume('all', { cost: 10 })), 0, 'all at once')
        same((await limiter.consume('all')).allowed, false, 'one more')
      },
    ],
    [
      `tells of ${kind} honestly when a denied cost passes`,
      async (bench) => {
        const limiter = bench.limiter(policy)
        await limiter.consume('a', { cost: 4 })
        bench.now += 7_001
        await limiter.consume('a', { cost: 6 })
        const { retryAfterMs } = await limiter.consume('a', { cost: 5 })
        bench.now += retryAfterMs - 1
        same((await limiter.consume('a', { cost: 5 })).allowed, false, 'a millisecond early')
        bench.now += 1
        same((await limiter.consume('a', { cost: 5 })).allowed, true, 'in time')
      },
    ],
    [
      `finds ${kind} as new when it said it would be`,
      async (bench) => {
        const limiter = bench.limiter(policy)
        const [standing] = (await limiter.consume('a', { cost: 7 })).standings
        bench.now += standing?.resetAfterMs ?? 0
        same(
          standingsOf(await limiter.peek('a', { cost: 10 })),
          standingsOf(await limiter.peek('new', { cost: 10 })),
          'it',
        )
      },
    ],
    [
      `gives back to ${kind} what was taken, once`,
      async (bench) => {
        const limiter = bench.limiter(policy)
        await limiter.consume('a', { cost: 2 })
        bench.now += 10
        const before = outcomeOf(await limiter.peek('a'))
        const receipt = await limiter.consume('a', { cost: 5 })
        await limiter.refund(receipt, { cost: 2 })
        await limiter.refund(receipt)
        await limiter.refund(receipt)
        same(outcomeOf(await limiter.peek('a')), before, 'after the refund')
        await limiter.refund(await limiter.consume('fresh'))
        same(remaining(await limiter.peek('fresh', { cost: 0 })), 10, 'of a bucket that is fresh again')
      },
    ],
    [
      `frees ${kind} in time after a clock that ran ahead comes back`,
      async (bench) => {
        const limiter = bench.limiter(policy)
        bench.now += 86_400_000
        await limiter.consume('a', { cost: 10 })
        bench.now -= 86_400_000
        same((await limiter.consume('a')).allowed, false, 'at its return')
        bench.now += 120_000
        same((await limiter.consume('a', { cost: 10 })).allowed, true, 'two windows later')
      },
    ],
    [
      `decides by ${kind} as the memory store does, step by step`,
      async (bench) => {
        const memory = bench.limiter(policy)
        const reference = new StoreBench(memoryStore({ clock: () => bench.now }), bench).limiter(policy)
        let seed = 7
        for (let step = 0; step < 120; step++) {
          seed = (seed * 16_807) % 2_147_483_647
          bench.now += seed % 3 === 0 ? 0 : seed % 9_000
          const cost = seed % 5
          const [got, wanted] = [await memory.consume('a', { cost }), await reference.consume('a', { cost })]
          same(outcomeOf(got), outcomeOf(wanted), `step ${step}`)
          if (seed % 4 === 0) await Promise.all([memory.refund(got), reference.refund(wanted)])
        }
      },
    ],
  ])
}
