import { describe, expect, it } from 'vitest'
import {
  type Admission,
  exponential,
  FixedLimit,
  lognormal,
  type Measured,
  type Scenario,
  simulate,
} from '../../../../test/simulated-server.ts'
import { AdaptiveLimit } from './adaptive-limit.ts'

type Times = (random: () => number) => number
/** Of mean 1, with the 99th percentile of a server without load. */
const TIMES = {
  exponential: { draw: exponential, p99: Math.log(100) },
  lognormal: { draw: (random: () => number) => lognormal(random, 0.5), p99: 2.82 },
} as const satisfies Record<string, { draw: Times; p99: number }>

const gradient = () => new AdaptiveLimit({ min: 1, max: 1_000, algorithm: 'gradient' })

/** Three times what so many workers can do, at so many milliseconds each. */
function overload(workers: number, meanMs: number, draw: Times, seed: number): Scenario {
  const perMs = workers / meanMs
  const warmUpMs = perMs > 5 ? 4_000 : 15_000
  return {
    seed,
    warmUpMs,
    forMs: warmUpMs + Math.min(60_000, 100_000 / perMs),
    arrivalsPerMs: () => 3 * perMs,
    workers: () => workers,
    serviceMs: (random) => meanMs * draw(random),
  }
}

const share = ({ perSecond }: Measured, workers: number, meanMs: number) => (perSecond * meanMs) / (workers * 1_000)

const knees = [4, 16, 64, 200].flatMap((workers) => [5, 50, 200].map((meanMs) => [workers, meanMs] as const))

describe('a server at three times its capacity', () => {
  it.each(knees)(
    'with %i workers at %i ms: the gradient keeps 90 percent of throughput within twice the p99',
    (workers, meanMs) => {
      for (const { draw, p99 } of Object.values(TIMES)) {
        for (const seed of workers / meanMs > 5 ? [1] : [1, 2]) {
          const measured = simulate(overload(workers, meanMs, draw, seed), gradient())
          expect(share(measured, workers, meanMs)).toBeGreaterThan(0.9)
          expect(measured.p99Ms).toBeLessThan(2 * p99 * meanMs)
        }
      }
    },
  )

  it.each([4, 16, 64])(
    'with %i workers: AIMD keeps 95 percent of throughput and the p99 near its tolerance',
    (workers) => {
      const { draw, p99 } = TIMES.exponential
      const toleranceMs = 1.5 * p99 * 50
      const aimd = new AdaptiveLimit({ min: 1, max: 1_000, algorithm: 'aimd', toleranceMs })
      const measured = simulate(overload(workers, 50, draw, 1), aimd)
      expect(share(measured, workers, 50)).toBeGreaterThan(0.95)
      expect(measured.p99Ms).toBeLessThan(1.5 * toleranceMs)
    },
  )

  it('answers twenty times later without a limit, and a limit at the knee is no better than the gradient', () => {
    const { draw, p99 } = TIMES.exponential
    const scenario = overload(16, 50, draw, 1)
    expect(simulate(scenario, new FixedLimit(Number.POSITIVE_INFINITY)).p99Ms).toBeGreaterThan(20 * p99 * 50)
    const best = simulate(scenario, new FixedLimit(16))
    expect(simulate(scenario, gradient()).perSecond).toBeGreaterThan(0.95 * best.perSecond)
  })

  it('is found where a tenth of the requests takes eleven times as long as the others', () => {
    const mixed: Times = (random) => (random() < 0.9 ? 0.5 : 5.5) * lognormal(random, 0.3)
    const measured = simulate(overload(16, 50, mixed, 1), gradient())
    expect(share(measured, 16, 50)).toBeGreaterThan(0.9)
    expect(measured.p99Ms).toBeLessThan(2 * 9.2 * 50)
  })
})

describe('a knee that moves', () => {
  const [beginMs, endMs, forMs] = [20_000, 40_000, 60_000]
  const within = (now: number) => now >= beginMs && now < endMs

  it.each([
    ['five times slower', 5, 1],
    ['a fifth of the workers', 1, 5],
  ])('%s, and back: within 10 s the throughput and the p99 are those of the new knee', (_, slower, fewer) => {
    const { draw, p99 } = TIMES.exponential
    const [workers, meanMs] = [20, 20]
    const scenario: Scenario = {
      seed: 1,
      forMs,
      warmUpMs: 0,
      arrivalsPerMs: () => 3,
      workers: (now) => (within(now) ? workers / fewer : workers),
      serviceMs: (random, now) => (within(now) ? slower : 1) * meanMs * draw(random),
    }
    const stays = recorded(gradient())
    simulate(scenario, stays.admission)
    for (const [fromMs, toMs] of [
      [10_000, beginMs],
      [beginMs + 10_000, endMs],
      [endMs + 10_000, forMs],
    ] as const) {
      const serviceMs = within(fromMs) ? slower * meanMs : meanMs
      const capacity = ((within(fromMs) ? workers / fewer : workers) / serviceMs) * (toMs - fromMs)
      const latencies = stays.between(fromMs, toMs)
      expect(latencies.length).toBeGreaterThan(0.9 * capacity)
      expect(latencies[Math.floor(latencies.length * 0.99)]).toBeLessThan(2 * p99 * serviceMs)
    }
  })
})

/** Notes how long each request took. */
function recorded(limit: AdaptiveLimit) {
  const stays: (readonly [endedAt: number, tookMs: number])[] = []
  const admission: Admission = {
    get limit() {
      return limit.limit
    },
    tryAcquire: () => limit.tryAcquire(),
    release(now, durationMs) {
      limit.release(now, durationMs)
      if (durationMs !== undefined) stays.push([now, durationMs])
    },
  }
  const between = (fromMs: number, toMs: number) =>
    stays.flatMap(([at, tookMs]) => (at >= fromMs && at < toMs ? [tookMs] : [])).sort((a, b) => a - b)
  return { admission, between }
}
