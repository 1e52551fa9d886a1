import { describe, expect, it } from 'vitest'
import {
  ConfigError,
  createLimiter,
  fixedWindow,
  leakyBucket,
  memoryStore,
  slidingLog,
  slidingWindow,
  tokenBucket,
} from '../index.ts'

const names = (...policies: Parameters<typeof createLimiter>[0]['policies'][]) =>
  policies.map((given) => createLimiter({ policies: given, name: 'api' }).policies.map(({ name }) => name))

describe('policies that would share a bucket', () => {
  it('are refused, since one decision cannot take from it twice', () => {
    const policies = [{ policy: '20/min', name: 'own' }, '30/min']
    expect(() => createLimiter({ policies, name: 'own' })).toThrow(
      '"own" and "own-1min" would count in the same bucket',
    )
  })
})

describe('the names of policies', () => {
  it('are the limit’s for one, with the window for several, and their own where they have one', () => {
    expect(names('10/s', ['10/s', '1000/day'], [slidingWindow('10/s', { name: 'short' }), '1000/day'])).toEqual([
      ['api'],
      ['api-1s', 'api-1d'],
      ['short', 'api-1d'],
    ])
  })
})

describe('a bucket’s address', () => {
  it('holds name, algorithm and window, not the quota: a change of plan carries its usage over', () => {
    const [one] = createLimiter({ policies: '20/min' }).policies
    const [two] = createLimiter({ policies: '100/min' }).policies
    const [three] = createLimiter({ policies: tokenBucket('100/min') }).policies
    expect(two?.address).toBe(one?.address)
    expect(three?.address).not.toBe(one?.address)
  })

  it('is another for a text of up to ten units, which is counted exactly: usage is forgotten across ten', () => {
    const [exact] = createLimiter({ policies: '10/min' }).policies
    const [counted] = createLimiter({ policies: '11/min' }).policies
    expect([exact?.algorithm, counted?.algorithm]).toEqual(['exact-window', 'sliding-window'])
    expect(counted?.address).not.toBe(exact?.address)
  })

  it('is the same alone and in a list: a change from one plan to several carries usage over', () => {
    const [alone] = createLimiter({ policies: '1000/min', name: 'report' }).policies
    const [listed] = createLimiter({ policies: ['50/min', '100/day'], name: 'report' }).policies
    expect(listed?.address).toBe(alone?.address)
    expect([alone?.name, listed?.name]).toEqual(['report', 'report-1min'])
  })

  it('has the name of the policy where it has one, as a limit of that name has', () => {
    const [, everybody] = createLimiter({ policies: ['10/s', { policy: '10k/min', name: 'everybody' }] }).policies
    const [alone] = createLimiter({ policies: '20k/min', name: 'everybody' }).policies
    expect(everybody).toMatchObject({ name: 'everybody', address: alone?.address })
  })
})

describe('a configuration that cannot be right', () => {
  const limiter = (policies: unknown, more: object = {}) => createLimiter({ policies, ...more } as never)

  it.each<[string, () => unknown, string]>([
    ['no policy', () => limiter([]), 'policies: expected at least one'],
    ['policies left out', () => createLimiter({} as never), 'needs policies'],
    ['a number for a policy', () => limiter(100), `policies: expected a limit such as '100/min' or a policy`],
    ['a hand-made policy', () => limiter({ name: 'x', quota: 1 }), 'got an object'],
    ['two of one name', () => limiter(['10/s', '20/s']), 'two are named "default-1s"'],
    ['a name that no header can carry', () => limiter('1/s', { name: 'größe' }), 'name: expected 1 to 128 characters'],
    ['an empty name', () => limiter('1/s', { name: '' }), 'name: expected'],
    ['an unknown option', () => limiter('1/s', { polices: 1 }), 'no option "polices". Did you mean "policies"?'],
    [
      'an option far from all',
      () => limiter('1/s', { zzz: 1 }),
      'The options are: policies, store, name, warnAt, warnEvery, keepIdsMs, ledger, ban, countDenied, maxDebt, maxWaiting, instances, timeoutMs, onStoreError.',
    ],
    ['an unknown store', () => limiter('1/s', { store: 'mongo://u:secret@h' }), 'mongo://… is not a store'],
    ['a store that is none', () => limiter('1/s', { store: 7 }), 'store: expected a URL'],
    ['a burst of 0', () => tokenBucket('1/s', { burst: 0 }), 'burst: expected a whole number from 1'],
    ['a burst of NaN', () => tokenBucket('1/s', { burst: Number.NaN }), 'got NaN'],
    ['a negative queue', () => leakyBucket('1/s', { queue: -1 }), 'queue: expected a whole number from 0'],
    ['half a sub-window', () => slidingWindow('1/s', { subWindows: 0.5 }), 'subWindows: expected a whole number'],
    ['an option of another algorithm', () => fixedWindow('1/s', { burst: 1 } as never), `fixedWindow('1/s') has no`],
    ['options that are none', () => fixedWindow('1/s', 5 as never), 'takes its options as an object, got 5'],
    [
      'a rate that is no text',
      () => fixedWindow(5 as never),
      `takes a limit such as '100/min' or { quota: 100, windowMs: 60_000 }, got 5`,
    ],
    ['a log too long to keep', () => slidingLog('10001/s'), 'its quota is at most 10000'],
    ['a meter no double can hold', () => tokenBucket('900000M/week'), 'cannot be counted exactly'],
    ['maxKeys of 0', () => memoryStore({ maxKeys: 0 }), 'maxKeys: expected a whole number from 1'],
  ])('%s', (_title, make, sentence) => {
    expect(make).toThrow(ConfigError)
    expect(make).toThrow(sentence)
  })

  it('is told by a code', () => {
    expect(() => limiter('1/x')).toThrow(expect.objectContaining({ code: 'SLUICE_CONFIG', name: 'ConfigError' }))
  })
})

describe('a rate in numbers', () => {
  it('is what the text would be, for every kind of policy', () => {
    const numbers = { quota: 5, windowMs: 900_000 }
    for (const make of [fixedWindow, slidingWindow, slidingLog, tokenBucket, leakyBucket]) {
      expect(make(numbers)).toEqual(make('5/15min'))
    }
    expect(slidingWindow({ quota: 100, windowMs: 60_000, unit: 'tokens' }).unit).toBe('tokens')
  })

  it.each<[string, () => unknown, string]>([
    ['a fraction', () => fixedWindow({ quota: 1.5, windowMs: 1_000 }), 'quota: expected a whole number from 1'],
    ['no window', () => fixedWindow({ quota: 1 } as never), 'windowMs: expected a whole number from 1'],
    [
      'an unknown unit',
      () => fixedWindow({ quota: 1, windowMs: 1, unit: 'apples' as never }),
      'unit: expected requests',
    ],
    ['a typo', () => fixedWindow({ quota: 1, windowms: 1 } as never), 'Did you mean "windowMs"?'],
    [
      'numbers in place of a policy',
      () => createLimiter({ policies: { quota: 1, windowMs: 1 } as never }),
      'Numbers go into',
    ],
    ['many milliseconds in a text', () => createLimiter({ policies: '5/3600000ms' as string }), 'at most 6 digits'],
    ['a month', () => createLimiter({ policies: '5/month' as string }), 'write 30day'],
  ])('is refused with %s', (_title, make, sentence) => {
    expect(make).toThrow(ConfigError)
    expect(make).toThrow(sentence)
  })
})

describe('policies of one window', () => {
  it('that count different units are named by their unit, and count apart', () => {
    const limiter = createLimiter({ policies: ['60/min', '100k tokens/min', '1M tokens/day'], name: 'chat' })
    const { standings } = limiter.consume('a', { cost: { 'chat-1min-tokens': 500, 'chat-1d': 500 } })
    expect(standings.map(({ policy, remaining }) => [policy.name, remaining])).toEqual([
      ['chat-1min', 59],
      ['chat-1min-tokens', 99_500],
      ['chat-1d', 999_500],
    ])
  })
})
