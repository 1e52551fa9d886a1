import type { Calendar } from '../policies/calendar.js'
import { type CalendarQuotaOptions, calendarQuota } from '../policies/calendar-quota.js'
import { fixedWindow } from '../policies/constructors.js'
import type { Policy } from '../policies/policy.js'
import { restoreCalendars } from '../policies/stored-policy.js'
import { same } from './assert.js'
import type { Behaviour } from './behaviour.js'
import type { StoreBench } from './bench.js'

/** Periods of one length each, from the epoch on. */
export function every(lengthMs: number): Calendar {
  return {
    unit: 'month',
    timeZone: 'UTC',
    id: `every-${lengthMs}`,
    periodAt(now) {
      const start = Math.floor(now / lengthMs) * lengthMs
      return { start, end: start + lengthMs, previous: start - lengthMs }
    },
  }
}

const MONTH = 30 * 86_400_000

function monthly(quota: number, options: CalendarQuotaOptions = {}): Policy {
  return calendarQuota({ quota, unit: 'requests' }, every(MONTH), options)
}

/** Used, remaining, granted, rolled over and over, by the only policy of a limiter. */
async function usageOf(limiter: ReturnType<StoreBench['limiter']>, key: string): Promise<readonly number[]> {
  const [usage] = Object.values(await limiter.usage(key))
  if (usage === undefined) throw new Error('no usage')
  const { used, remaining, granted, rolledOver, over } = usage
  return [used, remaining, granted, rolledOver, over]
}

/** What a store must show of calendar quotas. */
export const quotaBehaviours: readonly Behaviour[] = [
  [
    'begins a quota anew with each period, by its own clock',
    async (bench) => {
      const limiter = bench.limiter(monthly(3))
      bench.now = Math.ceil(bench.now / MONTH) * MONTH - 1_000
      for (const allowed of [true, true, true, false]) same((await limiter.consume('a')).allowed, allowed, 'a take')
      same((await limiter.consume('a')).retryAfterMs, 1_000, 'the rest of the period')
      bench.now += 1_000
      same((await limiter.consume('a', { cost: 3 })).allowed, true, 'in the next')
      const period = (await limiter.peek('a')).standings[0]?.period
      same([period?.start, period?.end], [bench.now, bench.now + MONTH], 'the period')
    },
  ],
  [
    'takes from a quota and a rate, or from neither',
    async (bench) => {
      const limiter = bench.limiter([fixedWindow('2/s'), monthly(100)])
      for (let take = 0; take < 5; take++) await limiter.consume('a')
      same(
        (await limiter.peek('a', { cost: 0 })).standings.map(({ remaining }) => remaining),
        [0, 98],
        'what is left',
      )
    },
  ],
  [
    'lets a soft quota pass on, and tells what is over',
    async (bench) => {
      const limiter = bench.limiter(monthly(3, { soft: true }))
      const taken = []
      for (const cost of [2, 2, 5]) taken.push((await limiter.consume('a', { cost })).standings[0]?.period)
      same(
        taken.map((period) => period?.over),
        [0, 1, 6],
        'over',
      )
      same(
        taken.map((period) => period?.overTaken),
        [0, 1, 5],
        'of which this take',
      )
      same(await usageOf(limiter, 'a'), [9, 0, 0, 0, 6], 'usage')
    },
  ],
  [
    'denies beyond the overage',
    async (bench) => {
      const limiter = bench.limiter(monthly(3, { overage: 2 }))
      same((await limiter.consume('a', { cost: 5 })).allowed, true, 'quota and overage')
      same((await limiter.consume('a')).allowed, false, 'one more')
      same((await limiter.consume('b', { cost: 6 })).retryAfterMs, Number.POSITIVE_INFINITY, 'more than ever passes')
      same(await usageOf(limiter, 'a'), [5, 0, 0, 0, 2], 'usage')
    },
  ],
  [
    'keeps usage when a quota, its softness or its overage changes',
    async (bench) => {
      await bench.limiter(monthly(10)).consume('a', { cost: 8 })
      same(await usageOf(bench.limiter(monthly(5, { soft: true })), 'a'), [8, 0, 0, 0, 3], 'smaller and soft')
      same(await usageOf(bench.limiter(monthly(20, { rollover: 1 })), 'a'), [8, 12, 0, 0, 0], 'larger')
    },
  ],
  [
    'uses first what expires first, and each grant once',
    async (bench) => {
      const limiter = bench.limiter(monthly(10))
      const soon = bench.now + 1_000
      same((await limiter.grant('a', 5, { id: 'later', expiresAt: bench.now + 2 * MONTH })).added, true, 'a grant')
      same((await limiter.grant('a', 4, { id: 'soon', expiresAt: soon })).added, true, 'another')
      same((await limiter.grant('a', 4, { id: 'soon', expiresAt: soon })).added, false, 'the same')
      same(await usageOf(limiter, 'a'), [0, 19, 9, 0, 0], 'with both')
      await limiter.consume('a', { cost: 6 })
      bench.now += 1_000
      same(await usageOf(limiter, 'a'), [6, 13, 9, 0, 0], 'four of the first, two of the quota')
      await limiter.consume('a', { cost: 10 })
      same(await usageOf(limiter, 'a'), [16, 3, 9, 0, 0], 'the quota, and two of the second')
      bench.now += MONTH
      same(await usageOf(limiter, 'a'), [0, 13, 3, 0, 0], 'in the next period')
      same(await limiter.revoke('a', 'later'), true, 'revoked')
      same(await limiter.revoke('a', 'never'), false, 'one that is none')
      same(await usageOf(limiter, 'a'), [0, 10, 0, 0, 0], 'after that')
      same((await limiter.grant('a', 5, { id: 'later' })).added, false, 'what was revoked, again')
    },
  ],
  [
    'gives units back to where they came from',
    async (bench) => {
      const limiter = bench.limiter(monthly(2))
      await limiter.grant('a', 3, { id: 'g' })
      const receipt = await limiter.consume('a', { cost: 4 })
      await limiter.refund(receipt, { cost: 3 })
      same(await usageOf(limiter, 'a'), [1, 4, 3, 0, 0], 'three of four')
      bench.now += MONTH
      await limiter.refund(receipt)
      same(await usageOf(limiter, 'a'), [0, 4, 2, 0, 0], 'of a period that is over')
    },
  ],
  [
    'rolls over what the period directly before left, and no more than the quota says',
    async (bench) => {
      const limiter = bench.limiter(monthly(100, { rollover: 25 }))
      await limiter.consume('a', { cost: 60 })
      bench.now += MONTH
      same(await usageOf(limiter, 'a'), [0, 125, 0, 25, 0], 'the second')
      await limiter.consume('a', { cost: 110 })
      bench.now += MONTH
      same(await usageOf(limiter, 'a'), [0, 115, 0, 15, 0], 'the third')
      await limiter.consume('a')
      bench.now += 2 * MONTH
      same(await usageOf(limiter, 'a'), [0, 100, 0, 0, 0], 'after one that was left out')
      same(await usageOf(limiter, 'new'), [0, 100, 0, 0, 0], 'of a key that is new')
    },
  ],
  [
    'remembers the totals of past periods, and no more of them than was asked for',
    async (bench) => {
      const limiter = bench.limiter(monthly(100, { history: 2 }))
      const totals = async () => Object.values(await limiter.history('a'))[0]?.map(({ used }) => used)
      for (const cost of [1, 2, 3, 4]) {
        await limiter.consume('a', { cost })
        bench.now += MONTH
      }
      same(await totals(), [4, 3], 'the last two')
      const start = Math.floor(bench.now / MONTH) * MONTH - MONTH
      same(
        Object.values(await limiter.history('a', { periods: 1 }))[0],
        [{ start, end: start + MONTH, used: 4 }],
        'one',
      )
      same(Object.values(await limiter.history('b'))[0], [], 'of a key that is new')
    },
  ],
  [
    'counts an id once for a key, and answers as it did first',
    async (bench) => {
      const limiter = bench.limiter([fixedWindow('10/s'), monthly(100)])
      const first = await limiter.consume('a', { cost: 3, id: 'x' })
      await limiter.consume('a', { cost: 1 })
      const again = await limiter.consume('a', { cost: 7, id: 'x' })
      same([first.repeated, again.repeated, again.taken], [false, true, false], 'whether it was repeated')
      same(
        again.standings.map(({ remaining }) => remaining),
        [7, 97],
        'what it was told',
      )
      same((await limiter.consume('b', { id: 'x' })).repeated, false, 'for another key')
      same((await bench.limiter(monthly(100), 'other').consume('a', { id: 'x' })).repeated, false, 'for another limit')
      bench.now += 86_400_000
      same((await limiter.consume('a', { id: 'x' })).repeated, false, 'a day later')
    },
  ],
  [
    'does not remember an id that was denied',
    async (bench) => {
      const limiter = bench.limiter(fixedWindow('1/s'))
      await limiter.consume('a')
      same((await limiter.consume('a', { id: 'x' })).allowed, false, 'too early')
      bench.now += 1_000
      const { allowed, repeated } = await limiter.consume('a', { id: 'x' })
      same([allowed, repeated], [true, false], 'in time')
    },
  ],
  [
    'counts one of a crowd with the same id',
    async (bench) => {
      const limiter = bench.limiter(monthly(1_000))
      const crowd = await Promise.all(
        Array.from({ length: 200 }, (_, i) => limiter.consume('a', { id: `id-${i % 10}` })),
      )
      same(crowd.filter(({ repeated }) => !repeated).length, 10, 'counted')
      same((await usageOf(limiter, 'a'))[0], 10, 'used')
    },
  ],
  [
    'keeps texts for all processes, and tells whether they have changed',
    async ({ store }) => {
      const forever = Number.POSITIVE_INFINITY
      const { version } = await store.readTexts('none')
      same((await store.readTexts(version)).texts, undefined, 'unchanged')
      await store.writeText({ kind: 'override', name: '["a","*"]', text: '{"n":1}', expiresAt: forever })
      await store.writeText({ kind: 'override', name: 'b', text: ' é\\n"', expiresAt: forever })
      await store.writeText({ kind: 'override', name: 'b', text: undefined, expiresAt: forever })
      const changed = await store.readTexts(version)
      const left = [...(changed.texts ?? [])].filter(([, text]) => text !== undefined)
      same(left, [['["a","*"]', '{"n":1}']], 'changed')
      same((await store.readTexts(changed.version)).texts, undefined, 'unchanged again')
      await store.clear()
      same([...((await store.readTexts(changed.version)).texts ?? [])], [], 'cleared')
    },
  ],
  [
    'obeys an override of a key, and of all keys that begin so',
    async (bench) => {
      restoreCalendars((id) => (id === every(MONTH).id ? every(MONTH) : undefined))
      const limiter = bench.limiter(monthly(2), 'overridden')
      await limiter.override('team-*', monthly(4), { reason: 'test' })
      await limiter.override('team-7', 'blocked')
      await limiter.override('staff', 'unlimited')
      same((await limiter.consume('team-7')).allowed, false, 'blocked')
      same((await limiter.consume('team-8', { cost: 3 })).allowed, true, 'by the longest')
      same((await limiter.consume('staff', { cost: 1_000 })).allowed, true, 'unlimited')
      same((await limiter.consume('other', { cost: 3 })).allowed, false, 'another key')
      same((await limiter.overrides()).map(({ key }) => key).sort(), ['staff', 'team-*', 'team-7'], 'all')
      await limiter.override('team-*', undefined)
      same((await limiter.consume('team-8')).allowed, false, 'what was used is kept')
    },
  ],
  [
    'counts as far as a calendar quota can go',
    async (bench) => {
      const quota = 10 ** 15 - 1
      const limiter = bench.limiter(monthly(quota, { rollover: quota }))
      await limiter.grant('a', quota, { id: 'g' })
      same((await limiter.consume('a', { cost: 2 * quota })).allowed, true, 'the quota and the grant')
      same((await limiter.consume('a')).allowed, false, 'one more')
    },
  ],
]
