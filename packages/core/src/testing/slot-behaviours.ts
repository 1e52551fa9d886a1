import { type Ask, newAsk } from '../decisions/ask.js'
import type { Renewal } from '../decisions/lease.js'
import { concurrency } from '../policies/concurrency.js'
import { fixedWindow } from '../policies/constructors.js'
import { same } from './assert.js'
import type { Behaviour } from './behaviour.js'
import type { StoreBench } from './bench.js'

const LEASE_MS = 10_000

/** A taker of slots without anybody who renews them: as a process that has died. */
function takerOf({ store }: StoreBench, slots: number) {
  const policy = concurrency(slots, { name: 'slots', leaseMs: LEASE_MS })
  return {
    async take(cost = 1): Promise<Ask | undefined> {
      const ask = newAsk(policy, 'a', cost)
      const [standing] = await store.consume([ask])
      return standing?.allowed ? ask : undefined
    },
    async remaining(): Promise<number | undefined> {
      return (await store.peek([newAsk(policy, 'a', 0)]))[0]?.remaining
    },
    async release(ask: Ask | undefined): Promise<void> {
      if (ask !== undefined) await store.refund([{ ...ask, at: 0 }])
    },
    async renew(ask: Ask | undefined, restore = false): Promise<boolean | undefined> {
      const renewals: Renewal[] = ask === undefined ? [] : [{ ...ask, lease: ask.lease ?? 0, restore }]
      return (await store.renew(renewals))[0]
    },
  }
}

/** What a store must show of slots. */
export const slotBehaviours: readonly Behaviour[] = [
  [
    'holds slots until they are released, each once',
    async (bench) => {
      const limiter = bench.limiter(concurrency(2))
      const [first, second] = [await limiter.consume('a'), await limiter.consume('a')]
      const third = await limiter.consume('a')
      same([first.allowed, second.allowed, third.allowed], [true, true, false], 'three takes of two slots')
      same(third.standings[0]?.moreAfterMs, null, 'no time is known')
      await limiter.release(first)
      await limiter.release(first)
      same((await limiter.peek('a')).standings[0]?.remaining, 1, 'released twice')
      await limiter.release(second)
      same((await limiter.peek('a')).standings[0]?.resetAfterMs, 0, 'all are free')
    },
  ],
  [
    'takes as many slots as it costs, and never more than there are',
    async (bench) => {
      const taker = takerOf(bench, 5)
      const three = await taker.take(3)
      same([await taker.take(3), await taker.remaining()], [undefined, 2], 'no room for three more')
      same(await taker.take(6), undefined, 'more than there are')
      await taker.release(three)
      same(await taker.remaining(), 5, 'all three')
    },
  ],
  [
    'takes from a rate and from slots, or from neither',
    async (bench) => {
      const limiter = bench.limiter([fixedWindow('3/s'), concurrency(2)])
      const first = await limiter.consume('a')
      await limiter.consume('a')
      const left = async () => (await limiter.peek('a', { cost: 0 })).standings.map(({ remaining }) => remaining)
      same((await limiter.consume('a')).allowed, false, 'no slot')
      same(await left(), [1, 0], 'the denial took nothing')
      await limiter.release(first)
      same(await left(), [1, 1], 'only the slot is back')
      const last = await limiter.consume('a')
      same((await limiter.consume('a')).allowed, false, 'no unit')
      await limiter.refund(last)
      same(await left(), [1, 1], 'unit and slot are back')
    },
  ],
  [
    'frees the slots of a holder that has died when their lease expires',
    async (bench) => {
      const taker = takerOf(bench, 2)
      await taker.take()
      bench.now += LEASE_MS / 2
      await taker.take()
      bench.now += LEASE_MS / 2 - 1
      same(await taker.remaining(), 0, 'a millisecond before')
      bench.now += 1
      same(await taker.remaining(), 1, 'the first has expired')
      bench.now += LEASE_MS / 2
      same(await taker.remaining(), 2, 'both have')
    },
  ],
  [
    'holds a renewed lease for as long again',
    async (bench) => {
      const taker = takerOf(bench, 1)
      const held = await taker.take()
      for (let third = 0; third < 6; third++) {
        bench.now += LEASE_MS / 2
        same([await taker.renew(held), await taker.remaining()], [true, 0], 'renewed')
      }
      bench.now += LEASE_MS
      same([await taker.renew(held), await taker.remaining()], [false, 1], 'too late')
    },
  ],
  [
    'frees nobody else’s slot on a late release',
    async (bench) => {
      const taker = takerOf(bench, 1)
      const late = await taker.take()
      bench.now += LEASE_MS
      const next = await taker.take()
      same(next !== undefined, true, 'the next holder')
      await taker.release(late)
      same([await taker.remaining(), await taker.renew(next)], [0, true], 'it holds on')
    },
  ],
  [
    'holds a lease again that it has lost, for a holder that is sure of it',
    async (bench) => {
      const taker = takerOf(bench, 2)
      const held = await taker.take(2)
      await bench.store.clear()
      same(await taker.remaining(), 2, 'the store has lost it')
      same([await taker.renew(held, true), await taker.remaining()], [true, 0], 'held again')
      await taker.release(held)
      same(await taker.remaining(), 2, 'released')
    },
  ],
  [
    'renews many leases at once, each for itself',
    async (bench) => {
      const taker = takerOf(bench, 50)
      const asks = await Promise.all(Array.from({ length: 50 }, () => taker.take()))
      for (const ask of asks.slice(0, 25)) await taker.release(ask)
      const renewals = asks.flatMap((ask) =>
        ask === undefined ? [] : [{ ...ask, lease: ask.lease ?? 0, restore: false }],
      )
      const held = await bench.store.renew(renewals)
      same(held, [...Array(25).fill(false), ...Array(25).fill(true)], 'which are held')
    },
  ],
]
