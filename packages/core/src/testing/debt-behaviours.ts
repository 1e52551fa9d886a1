import type { Limiter } from '../limiter/limiter.js'
import { memoryStore } from '../memory/memory-store.js'
import { slidingWindow } from '../policies/constructors.js'
import { asSoft, type Policy } from '../policies/policy.js'
import type { Store } from '../stores/store.js'
import { same } from './assert.js'
import type { Behaviour } from './behaviour.js'
import { outcomeOf, StoreBench, standingsOf } from './bench.js'
import { kinds } from './policy-behaviours.js'

/** Every kind that can owe; texts of up to ten units and of more are counted differently. */
const owing: readonly (readonly [kind: string, policy: Policy])[] = [
  ...Object.entries(kinds).filter(([, policy]) => policy.calendar === undefined),
  ['a sliding window of two counters', slidingWindow('20/min')],
]

/** A limiter, and one that takes from the same buckets whatever it costs. */
function bothOf(bench: StoreBench, policy: Policy): readonly [normal: Limiter<Store>, soft: Limiter<Store>] {
  return [bench.limiter(policy), bench.limiter(asSoft(policy))]
}

/** What a store must show of debt: of units that were taken without being asked whether there is room. */
export function debtBehaviours(): readonly Behaviour[] {
  return owing.flatMap(([kind, policy]): Behaviour[] => [
    [
      `lets a soft take pass beyond ${kind}, and denies others until the debt is gone`,
      async (bench) => {
        const { capacity } = policy
        const [normal, soft] = bothOf(bench, policy)
        await normal.consume('a', { cost: 4 })
        bench.now += 7_001
        const [owing] = (await soft.consume('a', { cost: capacity + 5 })).standings
        same([owing?.allowed, owing?.remaining, owing?.retryAfterMs], [true, 0, 0], 'the soft take')
        same(owing?.used, capacity + (owing?.debt ?? 0), 'what is used')
        same((owing?.debt ?? 0) > 0, true, 'whether there is debt')
        const denied = await normal.consume('a', { cost: 2 })
        same([denied.allowed, denied.standings[0]?.debt], [false, owing?.debt], 'a normal take')
        same((await normal.consume('a', { cost: 0 })).allowed, true, 'a cost of 0')
        bench.now += denied.retryAfterMs - 1
        same((await normal.consume('a', { cost: 2 })).allowed, false, 'a millisecond early')
        bench.now += 1
        const [passed] = (await normal.consume('a', { cost: 2 })).standings
        same([passed?.allowed, passed?.debt], [true, 0], 'in time')
        bench.now += passed?.resetAfterMs ?? 0
        same(
          standingsOf(await normal.peek('a', { cost: capacity })),
          standingsOf(await normal.peek('new', { cost: capacity })),
          'it, in the end',
        )
      },
    ],
    [
      `gives back to ${kind} what a soft take owes`,
      async (bench) => {
        const [normal, soft] = bothOf(bench, policy)
        await normal.consume('a', { cost: 3 })
        const before = outcomeOf(await normal.peek('a'))
        const receipt = await soft.consume('a', { cost: policy.capacity + 20 })
        await soft.refund(receipt, { cost: 20 })
        same((await normal.peek('a')).standings[0]?.debt, 3, 'debt after a part')
        await soft.refund(receipt)
        await soft.refund(receipt)
        same(outcomeOf(await normal.peek('a')), before, 'after the rest')
      },
    ],
    [
      `tells of ${kind} with a soft take what a look tells after it`,
      async (bench) => {
        const [normal, soft] = bothOf(bench, policy)
        for (let take = 0; take < policy.capacity; take++) {
          bench.now += 100
          await normal.consume('a')
        }
        bench.now += 100
        for (const cost of [1, 3]) {
          const [taken] = (await soft.consume('a', { cost })).standings
          const [seen] = (await normal.peek('a', { cost: 0 })).standings
          same(
            [taken?.remaining, taken?.debt, taken?.moreAfterMs, taken?.resetAfterMs],
            [seen?.remaining, seen?.debt, seen?.moreAfterMs, seen?.resetAfterMs],
            `after a cost of ${cost}`,
          )
        }
      },
    ],
    [
      `owes by ${kind} no more than can be counted`,
      async (bench) => {
        const [normal, soft] = bothOf(bench, policy)
        const reference = new StoreBench(memoryStore({ clock: () => bench.now }), bench).limiter(asSoft(policy))
        for (const cost of [3, Number.MAX_SAFE_INTEGER, 5]) {
          const [got, wanted] = [await soft.consume('a', { cost }), await reference.consume('a', { cost })]
          same(outcomeOf(got), outcomeOf(wanted), `a cost of ${cost}`)
        }
        same((await normal.peek('a')).standings[0]?.debt, policy.maxDebt, 'debt')
        bench.now += 20_000
        same(outcomeOf(await soft.peek('a')), outcomeOf(await reference.peek('a')), 'some time later')
      },
    ],
    [
      `owes by ${kind} as the memory store does, step by step`,
      async (bench) => {
        const limiters = bothOf(bench, policy)
        const references = bothOf(new StoreBench(memoryStore({ clock: () => bench.now }), bench), policy)
        let seed = 11
        for (let step = 0; step < 120; step++) {
          seed = (seed * 16_807) % 2_147_483_647
          bench.now += seed % 3 === 0 ? 0 : seed % 19_000
          const which = seed % 5 === 0 ? 1 : 0
          const cost = which === 1 ? seed % 40 : seed % 4
          const [limiter, reference] = [limiters[which], references[which]]
          const [got, wanted] = [await limiter.consume('a', { cost }), await reference.consume('a', { cost })]
          same(outcomeOf(got), outcomeOf(wanted), `step ${step}`)
          if (seed % 4 === 0) await Promise.all([limiter.refund(got), reference.refund(wanted)])
        }
      },
    ],
  ])
}
