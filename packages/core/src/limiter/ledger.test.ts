import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { calendarQuota } from '../calendar/index.ts'
import { createLimiter, fixedWindow, type LedgerRecord, ledger, memoryStore, type Policy } from '../index.ts'
import { every } from '../testing/quota-behaviours.ts'

const MONTH = 30 * 86_400_000
const quota = (units: number, options: object = {}): Policy =>
  calendarQuota({ quota: units, unit: 'requests' }, every(MONTH), options)

let written: LedgerRecord[]
let now: number

const keep = async (records: readonly LedgerRecord[]): Promise<void> => void written.push(...records)
const totals = () => written.map(({ key, units, over }) => [key, units, over])

beforeEach(() => {
  vi.useFakeTimers()
  written = []
  now = 10 * MONTH
})
afterEach(() => vi.useRealTimers())

describe('a ledger', () => {
  const open = (books: ReturnType<typeof ledger>, policies: Policy | Policy[] = quota(5, { soft: true })) =>
    createLimiter({
      policies: policies as Policy,
      name: 'api',
      store: memoryStore({ clock: () => now }),
      ledger: books,
    })

  it('adds up what a key uses of a quota in a period, and delivers it now and then', async () => {
    const limiter = open(ledger({ write: keep, everyMs: 1_000 }))
    for (const key of ['a', 'b', 'a']) limiter.consume(key, { cost: 2 })
    limiter.consume('a', { cost: 3 })
    expect(written).toEqual([])
    await vi.advanceTimersByTimeAsync(1_000)
    expect(totals()).toEqual([
      ['a', 7, 2],
      ['b', 2, 0],
    ])
    expect(written[0]).toMatchObject({
      limit: 'api',
      policy: 'api',
      plan: undefined,
      unit: 'requests',
      period: { start: 10 * MONTH, end: 11 * MONTH },
    })
    limiter.consume('a')
    now += MONTH
    limiter.consume('a')
    await vi.advanceTimersByTimeAsync(1_000)
    expect(written.slice(2).map(({ key, units, over, period }) => [key, units, over, period.start / MONTH])).toEqual([
      ['a', 1, 1, 10],
      ['a', 1, 0, 11],
    ])
    expect(new Set(written.map(({ id }) => id)).size).toBe(4)
  })

  it('records no denial, no look, no repeated id, no rate, and takes off what was given back', async () => {
    const books = ledger({ write: keep })
    const limiter = open(books, [fixedWindow('100/s'), quota(5)])
    limiter.consume('a', { id: 'x', cost: 2 })
    limiter.consume('a', { id: 'x', cost: 2 })
    limiter.consume('a', { cost: 4 })
    limiter.peek('a')
    const receipt = limiter.consume('a', { cost: 3 })
    limiter.refund(receipt, { cost: 1 })
    await books.flush()
    expect(totals()).toEqual([['a', 4, 0]])
    expect(written.map(({ policy }) => policy)).toEqual(['api-month'])
    limiter.refund(receipt)
    await books.flush()
    expect(totals().at(-1)).toEqual(['a', -2, 0])
  })

  it('goes on after a delivery of nothing, and after an interval in which all was given back', async () => {
    const books = ledger({ write: keep, everyMs: 100 })
    const limiter = open(books)
    await books.flush()
    await books.flush()
    limiter.refund(limiter.consume('a'))
    await vi.advanceTimersByTimeAsync(100)
    limiter.consume('a')
    await vi.advanceTimersByTimeAsync(100)
    expect(totals()).toEqual([['a', 1, 0]])
  })

  it.each<[string, () => unknown]>([
    ['rejects', () => Promise.reject(new Error('no database'))],
    [
      'throws',
      () => {
        throw new Error('no database')
      },
    ],
    [
      'throws nothing',
      () => {
        throw undefined
      },
    ],
  ])('tries again, with the same ids and longer and longer waits, where writing %s', async (_what, fail) => {
    let broken = true
    const tries: number[] = []
    const books = ledger({
      everyMs: 100,
      write: async (records) => {
        tries.push(Date.now())
        if (broken) await fail()
        written.push(...records)
      },
    })
    const failures: unknown[] = []
    books.on('failed', ({ records, retryAfterMs }) => failures.push([records, retryAfterMs]))
    const limiter = open(books)
    limiter.consume('a')
    await vi.advanceTimersByTimeAsync(100)
    limiter.consume('a')
    await vi.advanceTimersByTimeAsync(3_000)
    expect(tries.map((at) => at - (tries[0] ?? 0))).toEqual([0, 1_000, 3_000])
    expect(failures).toEqual([
      [1, 1_000],
      [2, 2_000],
      [2, 4_000],
    ])
    broken = false
    await vi.advanceTimersByTimeAsync(4_000)
    expect(totals()).toEqual([
      ['a', 1, 0],
      ['a', 1, 0],
    ])
  })

  it('holds a bounded number of records, and tells what it drops', async () => {
    const books = ledger({ write: () => new Promise(() => undefined), maxRecords: 3, everyMs: 100 })
    const drops: unknown[] = []
    books.on('dropped', (event) => drops.push(event))
    const limiter = open(books)
    for (const key of ['a', 'b', 'c', 'd', 'a', 'e']) limiter.consume(key, { cost: 2 })
    expect(drops).toEqual([
      { units: 2, total: 2 },
      { units: 2, total: 4 },
    ])
    await vi.advanceTimersByTimeAsync(100)
    limiter.consume('f')
    expect(drops).toHaveLength(3)
  })

  it('delivers the rest when its limiter is closed, and waits no longer than ten seconds', async () => {
    const limiter = open(ledger({ write: keep }))
    limiter.consume('a')
    await limiter.close()
    expect(totals()).toEqual([['a', 1, 0]])
    const books = ledger({ write: () => new Promise(() => undefined) })
    const drops: unknown[] = []
    books.on('dropped', ({ total }) => drops.push(total))
    const stuck = open(books)
    stuck.consume('a')
    const closed = Promise.resolve(stuck.close())
    await vi.advanceTimersByTimeAsync(10_000)
    await closed
    expect(drops).toEqual([1])
  })

  it('delivers in batches of five hundred', async () => {
    const sizes: number[] = []
    const books = ledger({ write: async (records) => void sizes.push(records.length) })
    const limiter = open(books)
    for (let key = 0; key < 1_200; key++) limiter.consume(`key-${key}`)
    await books.flush()
    expect(sizes).toEqual([500, 500, 200])
  })

  it.each<[string, () => unknown]>([
    ['no write', () => ledger({} as never)],
    ['an option that is none', () => ledger({ write: keep, every: 5 } as never)],
    ['an interval that is none', () => ledger({ write: keep, everyMs: 0 })],
    ['a ledger that is none', () => createLimiter({ policies: '1/s', ledger: {} as never })],
  ])('is refused with %s', (_what, make) => {
    expect(make).toThrow(expect.objectContaining({ code: 'SLUICE_CONFIG' }))
  })
})
