import { readFileSync } from 'node:fs'
import { parseList } from 'structured-headers'
import { describe, expect, it } from 'vitest'
import type { ReportedStanding } from '../decisions/binding.ts'
import { createLimiter, fixedWindow, type Policy, tokenBucket } from '../index.ts'
import { checkDialects, type Dialect, headerFields } from './headers.ts'

interface Row {
  readonly why: string
  readonly now: number
  readonly dialects: readonly Dialect[]
  readonly standings: readonly {
    readonly name: string
    readonly quota: number
    readonly windowMs: number | null
    readonly unit: string
    readonly remaining: number
    readonly moreAfterMs: number | null
    readonly allowed: boolean
    readonly retryAfterMs?: number | 'Infinity'
  }[]
  readonly expect: Readonly<Record<string, string>>
}

const vectors: readonly Row[] = JSON.parse(
  readFileSync(new URL('../../../../test/vectors/emit.json', import.meta.url), 'utf8'),
)

function announced({
  name,
  quota,
  windowMs,
  unit,
  retryAfterMs = 0,
  ...standing
}: Row['standings'][number]): ReportedStanding {
  const policy = { name, quota, windowMs, unit, capacity: quota, shadow: false, warnAt: [] }
  return { ...standing, retryAfterMs: Number(retryAfterMs), policy }
}

const asRecord = (fields: readonly (readonly [string, string])[]) =>
  Object.fromEntries(fields.map(([name, value]) => [name.toLowerCase(), value]))

describe('header fields', () => {
  it.each(vectors)('$why', ({ now, dialects, standings, expect: fields }) => {
    expect(asRecord(headerFields(standings.map(announced), dialects, now))).toEqual(fields)
  })

  it.each(vectors.filter((row) => row.dialects.includes('draft')))('parse as structured fields: $why', (row) => {
    const fields = asRecord(headerFields(row.standings.map(announced), row.dialects, row.now))
    const policies = parseList(fields['ratelimit-policy'] ?? '')
    const limits = parseList(fields['ratelimit'] ?? '')
    expect(policies.map(([name]) => name)).toEqual(row.standings.map(({ name }) => name))
    expect(limits.map(([name, parameters]) => [name, parameters.get('r')])).toEqual(
      row.standings.map(({ name, remaining }) => [name, remaining]),
    )
  })

  const standings = (warnAt: readonly number[], remaining: number): ReportedStanding[] => [
    {
      allowed: true,
      remaining,
      moreAfterMs: 1,
      retryAfterMs: 0,
      policy: { name: 'soft', quota: 1_000, capacity: 1_000, windowMs: 1, unit: 'requests', shadow: false, warnAt },
    },
  ]

  it.each([
    [201, undefined],
    [200, '"soft";share=0.8'],
    [161, '"soft";share=0.839'],
    [1, '"soft";share=0.999'],
    [0, '"soft";share=1.0'],
  ])('warn from the share asked for on: %i of 1000 left', (remaining, warning) => {
    expect(asRecord(headerFields(standings([0.8, 0.9], remaining), ['draft']))['sluice-warning']).toBe(warning)
  })

  it('say nothing of a shadow policy, and nothing at all where no dialect is asked for', () => {
    const [one] = standings([0.1], 0)
    if (one === undefined) throw new Error('one standing')
    expect(headerFields([{ ...one, policy: { ...one.policy, shadow: true } }], ['draft', 'legacy'])).toEqual([])
    expect(headerFields([one], [])).toEqual([])
  })

  it('tell a digest of the key only when asked to, as a Byte Sequence', () => {
    const policy = createLimiter({ policies: '1/min' }).policies[0] as Policy
    const told = { allowed: true, remaining: 0, moreAfterMs: 1, retryAfterMs: 0, policy, pk: 'ungWv48Bz+pBQUDe' }
    const fields = asRecord(headerFields([told], ['draft+pk']))
    expect(fields).toEqual({
      'ratelimit-policy': '"default";q=1;w=60;pk=:ungWv48Bz+pBQUDe:',
      ratelimit: '"default";r=0;t=1;pk=:ungWv48Bz+pBQUDe:',
    })
    const [[, parameters] = ['', new Map()]] = parseList(fields['ratelimit'] ?? '')
    expect(new Uint8Array(parameters.get('pk') as ArrayBuffer)).toHaveLength(12)
  })

  it.each([
    ['two drafts', ['draft', 'draft-7'], `'draft' and 'draft-7' write the same fields`],
    [
      'an unknown one',
      'draft-8',
      `headers: expected 'draft', 'draft+pk', 'draft-7', 'draft-6', 'legacy', several in an array, or [] for none; got "draft-8"`,
    ],
  ])('refuse %s', (_title, dialects, sentence) => {
    expect(() => checkDialects(dialects as never)).toThrow(sentence)
  })
})

describe('a bucket with a burst', () => {
  const { standings } = createLimiter({
    policies: [tokenBucket('10/s', { burst: 40, name: 'burst' }), fixedWindow('100/min', { name: 'minute' })],
  }).consume('a', { cost: { minute: 20, burst: 20 } })

  it('does not hide a policy that is nearer to its end', () => {
    expect(asRecord(headerFields(standings, ['legacy'], 0))).toMatchObject({ 'x-ratelimit-limit': '10' })
    const { standings: later } = createLimiter({
      policies: [tokenBucket('10/s', { burst: 40, name: 'burst' }), fixedWindow('100/min', { name: 'minute' })],
    }).consume('a', { cost: { minute: 60, burst: 4 } })
    expect(asRecord(headerFields(later, ['legacy'], 0))).toMatchObject({ 'x-ratelimit-limit': '100' })
  })

  it('never reports more than the limit as remaining', () => {
    const fields = asRecord(headerFields(standings.slice(0, 1), ['draft', 'legacy'], 0))
    expect(fields['x-ratelimit-remaining']).toBe('10')
    expect(fields['ratelimit']).toMatch(/^"burst";r=10;/)
  })
})
