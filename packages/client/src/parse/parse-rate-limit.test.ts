import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { parseRateLimit } from './parse-rate-limit.ts'

const NOW = Date.UTC(2026, 0, 1)

interface Vector {
  readonly why: string
  readonly now: number
  readonly headers: Readonly<Record<string, string>>
  readonly limits: readonly unknown[]
  readonly retryAt: number | null
}

const vectors = JSON.parse(
  readFileSync(new URL('../../../../test/vectors/parse.json', import.meta.url), 'utf8'),
) as readonly Vector[]

const read = (headers: Record<string, string>) => parseRateLimit(headers, { now: NOW })
const limitsOf = (headers: Record<string, string>) =>
  read(headers).limits.map(({ name, limit, remaining, resetAt, unit, windowMs }) => [
    name,
    limit,
    remaining,
    resetAt === null ? null : resetAt - NOW,
    unit,
    windowMs,
  ])
const retryMs = (headers: Record<string, string>) => {
  const { retryAt } = read(headers)
  return retryAt === null ? null : retryAt - NOW
}

describe('the vectors', () => {
  it.each(vectors)('$why', ({ now, headers, limits, retryAt }) => {
    expect(parseRateLimit(headers, { now })).toEqual({ limits, retryAt })
    expect(parseRateLimit(Object.entries(headers), { now })).toEqual({ limits, retryAt })
    // Headers sorts its fields: one limit stays one limit.
    const sorted = parseRateLimit(new Headers(headers), { now })
    expect(sorted.retryAt).toBe(retryAt)
    expect(new Set(sorted.limits)).toEqual(new Set(limits))
  })
})

describe('a time', () => {
  it.each([
    ['0', 0],
    ['120', 120_000],
    ['0.7', 700],
    [' 3 ', 3_000],
    ['999999999', 999_999_999_000],
    ['1767225660', 60_000],
    ['1767225660.5', 60_500],
    ['1767225660500', 60_500],
    ['1s', 1_000],
    ['6m0s', 360_000],
    ['1h2m3.5s', 3_723_500],
    ['12ms', 12],
    ['500us', 1],
    ['1d', 86_400_000],
    ['2026-01-01T00:00:30Z', 30_000],
    ['2026-01-01T01:00:30+01:00', 30_000],
    ['2026-01-01 00:00:30', 30_000],
    ['Thu, 01 Jan 2026 00:02:00 GMT', 120_000],
    ['Thursday, 01-Jan-26 00:02:00 GMT', 120_000],
    ['Thu Jan  1 00:02:00 2026', 120_000],
    ['-5', null],
    ['soon', null],
    ['', null],
    ['1e3', null],
    ['0x10', null],
    ['NaN', null],
    ['Infinity', null],
    ['Thu, 32 Jan 2026 00:02:00 GMT', null],
    ['Thu, 31 Feb 2026 00:02:00 GMT', null],
  ])('%s', (text, ms) => {
    expect(retryMs({ 'retry-after': text })).toBe(ms)
  })

  it('that no Date can hold is the last one that a Date can', () => {
    for (const text of ['9007199254740991', '9'.repeat(400), `${'9'.repeat(400)}h`]) {
      expect(read({ 'retry-after': text }).retryAt).toBe(8.64e15)
    }
  })

  it('of the year 5138 is one, and far away', () => {
    expect(retryMs({ 'retry-after': '99999999999' })).toBeGreaterThan(3e13)
  })

  it('in milliseconds is the more exact one', () => {
    expect(retryMs({ 'retry-after': '5', 'retry-after-ms': '300' })).toBe(300)
    expect(retryMs({ 'retry-after': '5', 'retry-after-ms': 'soon' })).toBe(5_000)
    expect(retryMs({ 'x-ms-retry-after-ms': '70.5' })).toBe(71)
  })

  it('that is announced twice is the later one', () => {
    expect(retryMs({ 'retry-after': '5, 10' })).toBe(10_000)
    expect(retryMs({ 'retry-after': '10, 5' })).toBe(10_000)
    expect(retryMs({ 'retry-after': 'Thu, 01 Jan 2026 00:02:00 GMT, 5' })).toBe(120_000)
    expect(retryMs({ 'retry-after': 'soon, 5' })).toBe(5_000)
    const headers = new Headers([
      ['retry-after', '5'],
      ['retry-after', '10'],
    ])
    expect(parseRateLimit(headers, { now: NOW }).retryAt).toBe(NOW + 10_000)
    expect(parseRateLimit({ 'Retry-After': ['5', '10'] }, { now: NOW }).retryAt).toBe(NOW + 10_000)
  })

  it.each([3_600_000, -3_600_000, 5_000])('is that of the server, whose clock differs by %i ms', (skewMs) => {
    const date = new Date(NOW + skewMs).toUTCString()
    expect(retryMs({ 'retry-after': new Date(NOW + skewMs + 120_000).toUTCString(), date })).toBe(120_000)
    expect(retryMs({ 'retry-after': '120', date })).toBe(120_000)
    const reset = String((NOW + skewMs) / 1_000 + 60)
    expect(
      limitsOf({ 'x-ratelimit-limit': '9', 'x-ratelimit-remaining': '1', 'x-ratelimit-reset': reset, date }),
    ).toEqual([['default', 9, 1, 60_000, 'requests', null]])
  })

  it('is not corrected for what a date is rounded by', () => {
    const date = new Date(NOW - 1_000).toUTCString()
    expect(retryMs({ 'retry-after': new Date(NOW + 60_000).toUTCString(), date })).toBe(60_000)
  })

  it('is corrected for the time a cache has kept the response', () => {
    const headers = { date: new Date(NOW - 600_000).toUTCString(), age: '600' }
    expect(retryMs({ 'retry-after': new Date(NOW + 60_000).toUTCString(), ...headers })).toBe(60_000)
  })
})

describe('older fields', () => {
  it('of draft 3 have the policies in the limit', () => {
    const fields = { 'ratelimit-limit': '100, 10;w=1, 100;w=60', 'ratelimit-remaining': '50', 'ratelimit-reset': '30' }
    expect(limitsOf(fields)).toEqual([['default', 100, 50, 30_000, 'requests', 60_000]])
  })

  it('of draft 6 have the window in the policy', () => {
    const fields = { 'ratelimit-limit': '100', 'ratelimit-remaining': '50', 'ratelimit-policy': '10;w=1, 100;w=60' }
    expect(limitsOf(fields)).toEqual([['default', 100, 50, null, 'requests', 60_000]])
  })

  it('of GitLab', () => {
    const fields = {
      'ratelimit-limit': '60',
      'ratelimit-name': 'throttle_authenticated_web',
      'ratelimit-observed': '67',
      'ratelimit-remaining': '0',
      'ratelimit-reset': '1767225660',
      'ratelimit-resettime': 'Thu, 01 Jan 2026 00:01:00 GMT',
    }
    expect(limitsOf(fields)).toEqual([['throttle_authenticated_web', 60, 0, 60_000, 'requests', null]])
  })

  it('of Discord: a delay is taken over the instant', () => {
    const fields = {
      'x-ratelimit-limit': '5',
      'x-ratelimit-remaining': '0',
      'x-ratelimit-reset': '1767225999.123',
      'x-ratelimit-reset-after': '64.57',
      'x-ratelimit-bucket': 'abcd1234',
    }
    expect(limitsOf(fields)).toEqual([['abcd1234', 5, 0, 64_570, 'requests', null]])
  })

  it('of Okta', () => {
    const fields = {
      'x-rate-limit-limit': '600',
      'x-rate-limit-remaining': '599',
      'x-rate-limit-reset': '1767225630',
    }
    expect(limitsOf(fields)).toEqual([['default', 600, 599, 30_000, 'requests', null]])
  })

  it('of Shopify', () => {
    expect(limitsOf({ 'x-shopify-shop-api-call-limit': '32/40' })).toEqual([
      ['shop-api-call', 40, 8, null, 'requests', null],
    ])
  })

  it('of Kong: one limit for each period, beside the one in the draft’s fields', () => {
    const fields = {
      'x-ratelimit-limit-minute': '10',
      'x-ratelimit-remaining-minute': '9',
      'x-ratelimit-limit-hour': '100',
      'x-ratelimit-remaining-hour': '99',
      'ratelimit-limit': '10',
      'ratelimit-remaining': '9',
      'ratelimit-reset': '42',
    }
    expect(limitsOf(fields)).toEqual([
      ['minute', 10, 9, null, 'requests', 60_000],
      ['hour', 100, 99, null, 'requests', 3_600_000],
      ['default', 10, 9, 42_000, 'requests', null],
    ])
  })

  it('of Azure OpenAI: -1 is unknown', () => {
    const fields = {
      'x-ratelimit-limit-requests': '-1',
      'x-ratelimit-remaining-requests': '-1',
      'x-ratelimit-limit-tokens': '50000',
      'x-ratelimit-remaining-tokens': '49000',
    }
    expect(limitsOf(fields)).toEqual([['tokens', 50_000, 49_000, null, 'tokens', null]])
  })

  it('of Zendesk', () => {
    expect(limitsOf({ 'x-rate-limit': '700', 'x-rate-limit-remaining': '699' })).toEqual([
      ['default', 700, 699, null, 'requests', null],
    ])
  })

  it('are the same limit again where several generations are sent', () => {
    const fields = {
      ratelimit: '"login";r=3;t=20',
      'ratelimit-policy': '"login";q=5;w=60',
      'x-ratelimit-limit': '5',
      'x-ratelimit-remaining': '3',
      'x-ratelimit-reset': '1767225621',
    }
    expect(limitsOf(fields)).toEqual([['login', 5, 3, 20_000, 'requests', 60_000]])
  })

  it('that cannot be read are not known', () => {
    expect(limitsOf({ 'x-ratelimit-limit': 'lots', 'x-ratelimit-remaining': 'NaN' })).toEqual([])
    expect(limitsOf({ 'x-ratelimit-remaining': '3', 'x-ratelimit-reset': 'tomorrow' })).toEqual([
      ['default', null, 3, null, 'requests', null],
    ])
    expect(limitsOf({ 'x-ratelimit-whatever': '3', 'x-content-limit': '5', 'rate-limit-': '' })).toEqual([])
  })
})

describe('the newest draft', () => {
  it.each([
    '"default";r=-1;t=9',
    '"default";r=1.5;t=9',
    '"default";r=1;t=-9',
    '"default";t=9',
    '"a";r=1, "b";r=x',
    '("default");r=1',
    '"default;r=1',
    'limit=x, remaining=5',
    '\0',
    '',
    '"'.repeat(10_000),
  ])('%j is ignored as a whole', (ratelimit) => {
    expect(read({ ratelimit })).toEqual({ limits: [], retryAt: null })
  })

  it('tells of policies without a standing too', () => {
    const fields = { ratelimit: '"b";r=1;t=2', 'ratelimit-policy': '"a";q=5;w=1, "b";q=9;w=60;qu="tokens"' }
    expect(limitsOf(fields)).toEqual([
      ['b', 9, 1, 2_000, 'tokens', 60_000],
      ['a', 5, null, null, 'requests', 1_000],
    ])
  })
})

it('a response is read too', () => {
  expect(parseRateLimit(new Response(null, { headers: { 'retry-after': '5' } }), { now: NOW }).retryAt).toBe(
    NOW + 5_000,
  )
})

describe('names of objects’ own properties', () => {
  it.each(['constructor', '__proto__', 'toString'])('are names like any: %s', (name) => {
    const fields = {
      [`x-ratelimit-limit-${name}`]: '5',
      [`x-ratelimit-remaining-${name}`]: '4',
      [`x-ratelimit-${name}`]: '1',
    }
    expect(limitsOf(fields)).toEqual([[name.toLowerCase(), 5, 4, null, 'requests', null]])
  })
})

describe('anything', () => {
  it.each([null, undefined, {}, { now: 5n }, { now: 'x' }])('may be given as options: %s', (options) => {
    expect(parseRateLimit({ 'retry-after': '1' }, options as never).retryAt).toBeGreaterThan(1_000)
  })

  it.each([null, undefined, 5, 'text', [], [1], [[]], {}, { ratelimit: Symbol.iterator }, { 'retry-after': null }])(
    'is read without an error: %s',
    (headers) => {
      expect(parseRateLimit(headers as never)).toEqual({ limits: [], retryAt: null })
    },
  )

  it('of a hostile length is read in little time', () => {
    const began = performance.now()
    const long = '9'.repeat(100_000)
    for (const value of [
      long,
      `${long}m`,
      `${'1m'.repeat(50_000)}x`,
      ','.repeat(100_000),
      `"${'a'.repeat(100_000)}`,
      ' '.repeat(100_000),
      `100, ${'1;a=b;'.repeat(20_000)}`,
    ]) {
      for (const name of ['retry-after', 'ratelimit', 'ratelimit-policy', 'ratelimit-limit', 'x-ratelimit-reset']) {
        read({ [name]: value, 'x-ratelimit-remaining': '5' })
      }
    }
    expect(performance.now() - began).toBeLessThan(2_000)
  })
})
