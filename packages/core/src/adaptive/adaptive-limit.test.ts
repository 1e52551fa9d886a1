import { describe, expect, it } from 'vitest'
import { exponential, seeded, simulate } from '../../../../test/simulated-server.ts'
import { AdaptiveLimit } from './adaptive-limit.ts'

const terms = [
  { min: 2, max: 100, algorithm: 'gradient' },
  { min: 2, max: 100, algorithm: 'aimd', toleranceMs: 100 },
] as const

/** Fills the limit, and gives everything back after the time that so many in progress take; returns the time. */
function round(limit: AdaptiveLimit, now: number, tookMs: number | undefined, failed = false): number {
  let taken = 0
  while (limit.tryAcquire()) taken++
  const step = (tookMs ?? 10) / taken
  for (let each = 1; each <= taken; each++) limit.release(now + each * step, tookMs, failed)
  return now + (tookMs ?? 10)
}

function rounds(limit: AdaptiveLimit, from: number, forMs: number, tookMs: number | undefined, failed = false): number {
  let now = from
  while (now < from + forMs) now = round(limit, now, tookMs, failed)
  return now
}

describe.each(terms)('an adaptive limit, $algorithm', (each) => {
  it('admits as many as its limit, and again as many as come back', () => {
    const limit = new AdaptiveLimit(each)
    for (let taken = 0; taken < limit.limit; taken++) expect(limit.tryAcquire()).toBe(true)
    expect(limit.tryAcquire()).toBe(false)
    expect(limit.inFlight).toBe(limit.limit)
    limit.release(0, undefined)
    expect(limit.tryAcquire()).toBe(true)
  })

  it('stays from min to max, also where they are the same', () => {
    const limit = new AdaptiveLimit({ ...each, min: 7, max: 7 })
    rounds(limit, rounds(limit, 0, 5_000, 20), 5_000, 500)
    expect(limit.limit).toBe(7)
  })

  it('grows to max while more in progress take no longer', () => {
    const limit = new AdaptiveLimit(each)
    rounds(limit, 0, 20_000, 20)
    expect(limit.limit).toBeGreaterThan(50)
  })

  it('does not move while it restrains nobody', () => {
    const limit = new AdaptiveLimit(each)
    const before = limit.limit
    for (let now = 0; now < 100_000; now += 20) {
      limit.tryAcquire()
      limit.tryAcquire()
      limit.release(now, 20)
      limit.release(now + 1, 21)
    }
    expect(limit.limit).toBe(before)
  })

  it('learns nothing from durations that say nothing', () => {
    const limit = new AdaptiveLimit(each)
    const before = limit.limit
    let now = rounds(limit, 0, 10_000, undefined)
    for (const wrong of [Number.NaN, -5, Number.POSITIVE_INFINITY]) {
      for (let count = 0; count < 500; count++) {
        limit.tryAcquire()
        limit.release(now++, wrong)
      }
    }
    expect(limit).toMatchObject({ limit: before, inFlight: 0 })
  })

  it('falls to min while everything fails, fast or slowly, and rises afterwards', () => {
    for (const failedMs of [1, 500]) {
      const limit = new AdaptiveLimit(each)
      let now = rounds(limit, 0, 10_000, 20)
      now = rounds(limit, now, 60_000, failedMs, true)
      expect(limit.limit).toBe(2)
      rounds(limit, now, 10_000, 20)
      expect(limit.limit).toBeGreaterThan(10)
    }
  })

  it('goes on after its clock was set back by an hour', () => {
    const limit = new AdaptiveLimit(each)
    rounds(limit, 3_600_000, 1_000, 20)
    rounds(limit, 0, 20_000, 20)
    expect(limit.limit).toBeGreaterThan(50)
  })

  it('survives a clock that shows no time passing, and a place given back twice', () => {
    const limit = new AdaptiveLimit(each)
    for (let now = 0; now < 5_000; now++) round(limit, now, 0)
    limit.release(5_000, 0)
    expect(limit.inFlight).toBe(0)
    expect(limit.limit).toBeGreaterThanOrEqual(2)
    expect(limit.limit).toBeLessThanOrEqual(100)
  })
})

describe('the gradient', () => {
  const server = (workers: number, arrivalsPerMs: (now: number) => number, forMs: number) => ({
    seed: 3,
    forMs,
    warmUpMs: 0,
    arrivalsPerMs,
    workers: () => workers,
    serviceMs: (random: () => number) => 20 * exponential(random),
  })

  it('finds the knee although its first samples were taken at fifty times the knee', () => {
    const limit = new AdaptiveLimit({ min: 1, max: 1_000, algorithm: 'gradient' })
    const random = seeded(1)
    for (let count = 0; count < 200; count++) {
      limit.tryAcquire()
      limit.release(count * 10, 1_000 * exponential(random))
    }
    simulate(
      server(4, () => 0.6, 20_000),
      limit,
    )
    expect(limit.limit).toBeLessThan(15)
  })

  it('keeps its limit through hours of one request a minute', () => {
    const limit = new AdaptiveLimit({ min: 1, max: 1_000, algorithm: 'gradient' })
    simulate(
      server(16, () => 2.4, 20_000),
      limit,
    )
    const before = limit.limit
    simulate(
      server(16, () => 1 / 60_000, 36_000_000),
      limit,
    )
    expect(Math.abs(limit.limit - before)).toBeLessThanOrEqual(before)
    expect(limit.limit).toBeGreaterThan(8)
  })

  it('does not deny everyone while more requests hang than a probe allows', () => {
    const limit = new AdaptiveLimit({ min: 1, max: 1_000, algorithm: 'gradient' })
    for (let hanging = 0; hanging < 8; hanging++) limit.tryAcquire()
    let admitted = 0
    for (let now = 0; now < 10_000; now++) {
      for (let asked = 0; asked < 5; asked++) {
        if (!limit.tryAcquire()) continue
        if (now > 5_000) admitted++
        limit.release(now, 20)
      }
    }
    expect(admitted).toBeGreaterThan(4_000)
  })
})
