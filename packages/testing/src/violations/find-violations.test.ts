import { describe, expect, it } from 'vitest'
import type { LoggedRequest } from '../mock/logged-request.ts'
import { findViolations } from './find-violations.ts'
import { isOnePace } from './pace.ts'

interface Told {
  readonly at: number
  /** Milliseconds until it was answered. */
  readonly took?: number
  readonly status?: number | undefined
  readonly waitMs?: number
  readonly path?: string
  readonly key?: string
  readonly denied?: boolean
  readonly limit?: string
  readonly remaining?: number
  readonly moreAfterMs?: number
  readonly capacity?: number
}

/** A log of requests that were answered after 10 ms. */
function log(...told: readonly Told[]): readonly LoggedRequest[] {
  return told.map((one, i): LoggedRequest => {
    const { at, took = 10, waitMs, path = '/', key = 'a', denied = false, limit } = one
    const status = 'status' in one ? one.status : denied ? 429 : 200
    const { remaining = 0, moreAfterMs = 1_000, capacity = 5 } = one
    return {
      request: {
        ...{ number: i + 1, method: 'GET', path, headers: {}, body: '', key, at, endedAt: at + took, status, waitMs },
      },
      ...{ limit, denied, arrivedIdleMs: at, endedIdleMs: at + took, fingerprint: `${key} ${path}` },
      reported: limit === undefined ? [] : [{ address: limit, allowed: !denied, remaining, capacity, moreAfterMs }],
    }
  })
}

const kinds = (...told: readonly Told[]): string[] => findViolations(log(...told)).map(({ kind }) => kind)

describe('a request that comes early', () => {
  const denial = { at: 0, status: 429, waitMs: 2_000 }

  it('is one before the time that a response named', () => {
    const [violation, ...more] = findViolations(log(denial, { at: 1_500 }))
    expect(more).toEqual([])
    expect(violation).toMatchObject({ kind: 'early', requests: [{ number: 1 }, { number: 2 }] })
    expect(violation?.message).toBe(
      'GET / (request 2) came 1490 ms after the 429 of request 1, which asked to wait 2000 ms.',
    )
  })

  it('is named without its query, in few words', () => {
    const path = `/${'a'.repeat(500)}?api_key=secret`
    const [violation] = findViolations(log({ ...denial, path }, { at: 500, path }))
    expect(violation?.message).not.toContain('secret')
    expect(violation?.message.length).toBeLessThan(200)
  })

  it('is none at that time, within what timers are exact to', () => {
    expect(kinds(denial, { at: 2_010 })).toEqual([])
    expect(kinds(denial, { at: 1_986 })).toEqual([])
    expect(kinds(denial, { at: 1_984 })).toEqual(['early'])
  })

  it('is none before its client can have read the response', () => {
    expect(kinds(denial, { at: 5 }, { at: 109 })).toEqual([])
    expect(kinds(denial, { at: 110 })).toEqual(['early'])
  })

  it("is none of another client's, nor of another route's where no limit denied", () => {
    expect(kinds(denial, { at: 500, key: 'b' }, { at: 600, path: '/other' })).toEqual([])
  })

  it('may be of another route of the same limit, if it is denied again', () => {
    const told = { ...denial, denied: true, limit: 'api' }
    expect(kinds(told, { at: 500, path: '/other', limit: 'api', denied: true })).toEqual(['early'])
    // It may cost less.
    expect(kinds(told, { at: 500, path: '/other', limit: 'api' })).toEqual([])
  })
})

describe('retries without backoff', () => {
  const failing = (...times: number[]): Told[] => times.map((at) => ({ at, status: 503, took: 0 }))

  it('are three at the same pace', () => {
    expect(kinds(...failing(0, 1_000, 2_010, 3_000))).toEqual(['no-backoff'])
  })

  it('are three at once', () => {
    expect(kinds(...failing(0, 1, 12, 13))).toEqual(['no-backoff'])
  })

  it('are none that grow, linearly or exponentially', () => {
    expect(kinds(...failing(0, 100, 300, 600))).toEqual([])
    expect(kinds(...failing(0, 100, 300, 700))).toEqual([])
  })

  it('are none for which a time was named', () => {
    const told = [0, 1_000, 2_000, 3_000].map((at) => ({ at, status: 503, took: 0, waitMs: 1_000 }))
    expect(kinds(...told)).toEqual([])
  })

  it('are none where the request passed in between', () => {
    const [one, two, three, four] = failing(0, 1_000, 2_000, 3_000)
    expect(kinds(one ?? { at: 0 }, two ?? { at: 0 }, { ...three, at: 2_000, status: 200 }, four ?? { at: 0 })).toEqual(
      [],
    )
  })

  it('are not looked for where equal requests overlap', () => {
    expect(kinds(...[0, 0, 1_000, 1_000, 2_000, 2_000, 3_000, 3_000].map((at) => ({ at, status: 503 })))).toEqual([])
  })

  it('are found by their pace, with a little jitter, where there are many', () => {
    expect(isOnePace([900, 1_100, 1_000, 950, 1_050, 1_020])).toBe(true)
    expect(isOnePace([900, 1_100])).toBe(false)
    // At a cap, with jitter, after it has grown.
    expect(isOnePace([100, 190, 380, 900, 800, 1_000, 760, 950, 990, 810, 900, 880, 990, 760])).toBe(false)
    expect(isOnePace([100, 210, 390, 800, 1_500])).toBe(false)
  })

  it('are hardly ever seen in full jitter', () => {
    let seed = 1
    const random = (): number => {
      seed = (seed * 48_271) % 2_147_483_647
      return seed / 2_147_483_647
    }
    let blamed = 0
    for (let run = 0; run < 10_000; run++) {
      if (isOnePace([500, 1_000, 2_000].map((most) => most * random()))) blamed += 1
    }
    expect(blamed).toBeLessThan(50)
  })
})

describe('retries without jitter', () => {
  const retried = (...waits: number[]): Told[] =>
    waits
      .flatMap((ms, i) => [
        { at: i * 10, took: 0, status: 503, path: `/${i}` },
        { at: i * 10 + ms, took: 0, path: `/${i}` },
      ])
      .sort((one, other) => one.at - other.at)

  it('are four first retries after the same time', () => {
    expect(kinds(...retried(500, 503, 501, 509))).toEqual(['no-jitter'])
  })

  it('are none that are spread, nor three', () => {
    expect(kinds(...retried(500, 420, 460, 512))).toEqual([])
    expect(kinds(...retried(500, 500, 500))).toEqual([])
  })
})

describe('an ignored quota', () => {
  const last = { at: 0, limit: 'api', remaining: 0, moreAfterMs: 1_000 }
  const denied = { limit: 'api', denied: true, status: 429 }

  it('is a denial after a response that had said that nothing remains', () => {
    const [violation] = findViolations(log(last, { at: 500, ...denied }))
    expect(violation).toMatchObject({ kind: 'ignored-quota', requests: [{ number: 1 }, { number: 2 }] })
  })

  it('is none after the reset, while the response is on its way, or where something remained', () => {
    expect(kinds(last, { at: 1_000, ...denied })).toEqual([])
    expect(kinds(last, { at: 90, ...denied })).toEqual([])
    expect(kinds({ ...last, remaining: 1 }, { at: 500, ...denied })).toEqual([])
  })

  it("is none by another client's response", () => {
    expect(kinds(last, { at: 500, key: 'b', ...denied })).toEqual([])
  })
})

describe('a herd', () => {
  const waiting = (count: number): Told[] =>
    Array.from({ length: count }, (_, i) => ({
      at: i,
      path: `/${i}`,
      status: 429,
      denied: true,
      limit: 'api',
      waitMs: 1_000,
    }))
  const back = (count: number, apartMs: number, told: Partial<Told> = {}): Told[] =>
    Array.from({ length: count }, (_, i) => ({ at: 1_100 + i * apartMs, path: `/${i}`, limit: 'api', ...told }))

  it('is many that come back at once, more than the quota lets through', () => {
    const [violation, ...more] = findViolations(log(...waiting(10), ...back(10, 1, { denied: true })))
    expect(more).toEqual([])
    expect(violation).toMatchObject({
      kind: 'herd',
      message: expect.stringMatching(/^10 requests that had waited came back within/),
    })
  })

  it('is none that is spread, that the quota lets through, or of clients of their own', () => {
    expect(kinds(...waiting(10), ...back(10, 200, { denied: true }))).toEqual([])
    expect(kinds(...waiting(10), ...back(10, 1))).toEqual([])
    const own = (told: readonly Told[]): Told[] => told.map((one, i) => ({ ...one, key: `client ${i}` }))
    expect(kinds(...own(waiting(10)), ...own(back(10, 1, { denied: true })))).toEqual([])
  })

  it('is none of calls that are equal and were sent before their client knew better', () => {
    const told = waiting(20).map((one, i) => ({ ...one, path: '/', at: i * 4, took: 2 }))
    expect(kinds(...told)).toEqual([])
  })

  it('is also what returns to a server that had failed', () => {
    const down = Array.from({ length: 10 }, (_, i) => ({ at: i, path: `/${i}`, status: 503, waitMs: 1_000 }))
    const up = Array.from({ length: 10 }, (_, i) => ({ at: 1_100 + i, path: `/${i}` }))
    expect(kinds(...down, ...up)).toEqual(['herd'])
  })
})
