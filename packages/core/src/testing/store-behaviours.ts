import type { Ask } from '../decisions/ask.js'
import type { Standing } from '../decisions/standing.js'
import { fixedWindow, slidingLog, slidingWindow, tokenBucket } from '../policies/constructors.js'
import { bindPolicy } from '../policies/policy.js'
import { same } from './assert.js'
import type { Behaviour } from './behaviour.js'
import { outcomeOf, remaining } from './bench.js'
import { kinds } from './policy-behaviours.js'

/** What a store must show whatever the policies are. */
export const storeBehaviours: readonly Behaviour[] = [
  [
    'adds up tables of counts, with no more rows than they may have, if it keeps any',
    async ({ store }) => {
      if (store.addCounts === undefined || store.readCounts === undefined) return
      const table = { table: 'm:2026-11-26', keepMs: 60_000, most: 2 }
      await store.addCounts([{ ...table, rows: new Map([['a', 3]]) }])
      await store.addCounts([
        {
          ...table,
          rows: new Map([
            ['a', 4],
            ['b \0|"', 1],
          ]),
        },
        { ...table, table: 'other', rows: new Map([['a', 9_007_199_254_740_000]]) },
      ])
      await store.addCounts([
        {
          ...table,
          rows: new Map([
            ['c', 5],
            ['a', 1],
          ]),
        },
      ])
      const found = await store.readCounts(['m:2026-11-26', 'none', 'other'])
      same(
        found.map((rows) => [...rows].sort()),
        [
          [
            ['a', 8],
            ['b \0|"', 1],
          ],
          [],
          [['a', 9_007_199_254_740_000]],
        ],
        'what was added',
      )
      await store.clear()
      same([...((await store.readCounts(['other']))[0] ?? [])], [], 'cleared')
    },
  ],
  [
    'takes from every policy or from none',
    async (bench) => {
      const limiter = bench.limiter([fixedWindow('3/s'), tokenBucket('100/day'), slidingLog('50/min')])
      for (let take = 0; take < 3; take++) await limiter.consume('a')
      const before = outcomeOf(await limiter.peek('a', { cost: 0 }))
      for (let take = 0; take < 20; take++) same((await limiter.consume('a')).allowed, false, 'a denial')
      same(outcomeOf(await limiter.peek('a', { cost: 0 })), before, 'after twenty denials')
    },
  ],
  [
    'answers with a standing for each ask, in their order, under the policy that was asked',
    async ({ store }) => {
      const asks = [ask('10/s', 'a', 2), ask('20/min', 'a', 3), ask('30/h', 'a', 4)]
      const standings = await store.consume(asks)
      same(
        standings.map(({ policy, remaining }) => [policy.quota, remaining]),
        [
          [10, 8],
          [20, 17],
          [30, 26],
        ],
        'standings',
      )
      same(
        standings.every(({ policy }, i) => policy === asks[i]?.policy),
        true,
        'the very policies',
      )
    },
  ],
  [
    'takes from several keys or from none',
    async ({ store }) => {
      const everyone = [ask('5/min', 'all'), ask('2/min', 'ann')]
      for (let take = 0; take < 2; take++) same(passes(await store.consume(everyone)), true, 'a take')
      same(passes(await store.consume(everyone)), false, 'the third')
      const standings = await store.peek([ask('5/min', 'all', 0), ask('2/min', 'ann', 0)])
      same(
        standings.map((one) => one.remaining),
        [3, 0],
        'what is left',
      )
    },
  ],
  [
    'takes nothing when it only looks, nor for a cost of 0, nor for one that can never pass',
    async (bench) => {
      const limiter = bench.limiter(tokenBucket('3/min'))
      await limiter.peek('a', { cost: 3 })
      await limiter.consume('a', { cost: 0 })
      same((await limiter.consume('a', { cost: 4 })).retryAfterMs, Number.POSITIVE_INFINITY, 'the wait of a cost of 4')
      same((await limiter.consume('a', { cost: 3 })).allowed, true, 'all three')
      same((await limiter.consume('a', { cost: 0 })).allowed, true, 'a cost of 0 when all is taken')
    },
  ],
  [
    'keeps keys apart, and policies of other names, algorithms and windows',
    async (bench) => {
      const limiters = [
        bench.limiter(fixedWindow('1/min')),
        bench.limiter(fixedWindow('1/min'), 'other'),
        bench.limiter(fixedWindow('1/h')),
        bench.limiter(slidingWindow('1/min')),
        bench.limiter(slidingWindow('1/min', { subWindows: 2 })),
        bench.limiter(slidingLog('1/min')),
      ]
      for (const limiter of limiters) {
        for (const key of ['a', 'b']) same((await limiter.consume(key)).allowed, true, 'the first')
      }
      for (const limiter of limiters) {
        for (const key of ['a', 'b']) same((await limiter.consume(key)).allowed, false, 'the second')
      }
    },
  ],
  [
    'carries usage over a change of plan',
    async (bench) => {
      const [free, paid] = [bench.limiter(slidingWindow('3/min')), bench.limiter(slidingWindow('10/min'))]
      await free.consume('a', { cost: 3 })
      same(remaining(await paid.peek('a', { cost: 0 })), 7, 'on the larger plan')
      await paid.consume('a', { cost: 5 })
      same((await free.consume('a')).allowed, false, 'on the smaller plan')
    },
  ],
  [
    'takes any text for a key of its own',
    async (bench) => {
      const limiter = bench.limiter(fixedWindow('1/min'))
      const long = 'x'.repeat(10_000)
      const keys = [
        ' ',
        'a',
        'A',
        '{a}',
        'a}',
        '{',
        '#a',
        '\0',
        'a\n',
        'ü',
        '\ud800',
        '\udbff',
        '\ufffd',
        '*',
        '__proto__',
      ]
      for (const key of [...keys, long, `${long}y`, '203.0.113.7', '2001:db8:0:1::/64']) {
        same((await limiter.consume(key)).allowed, true, `the first of ${JSON.stringify(key.slice(0, 20))}`)
        same((await limiter.consume(key)).allowed, false, `the second of ${JSON.stringify(key.slice(0, 20))}`)
      }
    },
  ],
  [
    'admits exactly the quota of a crowd that comes at once',
    async (bench) => {
      for (const [kind, policy] of Object.entries(kinds)) {
        const limiter = bench.limiter(policy, 'crowd')
        const crowd = await Promise.all(Array.from({ length: 200 }, () => limiter.consume(kind)))
        same(crowd.filter(({ allowed }) => allowed).length, 10, kind)
      }
    },
  ],
  [
    'serves the takes of one key in the order in which they came',
    async (bench) => {
      const limiter = bench.limiter(tokenBucket('100/min'))
      const crowd = await Promise.all(Array.from({ length: 100 }, () => limiter.consume('a')))
      same(
        crowd.map(remaining),
        Array.from({ length: 100 }, (_, i) => 99 - i),
        'remaining',
      )
    },
  ],
  [
    'looks at a shadow policy, and takes from it only what it would have let pass',
    async ({ store }) => {
      const shadow = ask('1/min', 'a', 1, true)
      const enforced = ask('3/h', 'a')
      const passed = []
      for (let take = 0; take < 4; take++) {
        const [one, other] = await store.consume([shadow, enforced])
        passed.push([one?.allowed, one?.remaining, other?.allowed, other?.remaining])
      }
      same(
        passed,
        [
          [true, 0, true, 2],
          [false, 0, true, 1],
          [false, 0, true, 0],
          [false, 0, false, 0],
        ],
        'standings',
      )
    },
  ],
  [
    'gives back less to a bucket the longer it was held, and nothing that time has given back',
    async (bench) => {
      const limiter = bench.limiter(tokenBucket('10/s'))
      const receipt = await limiter.consume('a', { cost: 10 })
      bench.now += 500
      await limiter.consume('a', { cost: 5 })
      await limiter.refund(receipt)
      same(remaining(await limiter.peek('a', { cost: 0 })), 5, 'half was held for half a second')
      bench.now += 10_000
      await limiter.refund(await limiter.consume('b'))
      await limiter.refund(receipt)
      same(remaining(await limiter.peek('a', { cost: 0 })), 10, 'long after')
    },
  ],
  [
    'forgets a key, a policy, or everything',
    async (bench) => {
      const [one, two] = [bench.limiter(fixedWindow('1/min'), 'one'), bench.limiter(slidingLog('1/min'), 'two')]
      const take = async () => {
        const all = []
        for (const limiter of [one, two]) for (const key of ['a', 'b']) all.push((await limiter.consume(key)).allowed)
        return all
      }
      same(await take(), [true, true, true, true], 'at first')
      await one.reset('a')
      same(await take(), [true, false, false, false], 'a key of a policy')
      await two.resetAll()
      same(await take(), [false, false, true, true], 'a policy')
      await bench.store.clear()
      same(await take(), [true, true, true, true], 'everything')
    },
  ],
  [
    'counts as far as a quota can go',
    async (bench) => {
      const quota = 10 ** 15 - 1
      const limiter = bench.limiter([fixedWindow('999999999999999/s'), slidingWindow('999999999999999/day')])
      same(remaining(await limiter.consume('a', { cost: quota - 2 })), 2, 'what is left')
      same((await limiter.consume('a', { cost: 3 })).allowed, false, 'three')
      same((await limiter.consume('a', { cost: 2 })).allowed, true, 'two')
    },
  ],
]

function passes(standings: readonly Standing[]): boolean {
  return standings.every((one) => one.allowed)
}

function ask(rate: string, key: string, cost = 1, shadow = false): Ask {
  const name = `spec-${rate.replace('/', '-')}`
  const policy = bindPolicy(fixedWindow<string>(rate), {
    name,
    bucket: name,
    plan: undefined,
    shadow,
    warnAt: [],
    warnEvery: 0,
  })
  return { policy, key, cost }
}
