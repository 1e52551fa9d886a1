import { fixedWindow, leakyBucket, type Policy, slidingLog, slidingWindow, tokenBucket } from '@sluice/core'
import { type Calendar, calendarQuota, type PeriodUnit } from '@sluice/core/calendar'
import fc from 'fast-check'

/** What was consumed, in order: all that an oracle knows. */
export interface Taken {
  readonly at: number
  readonly cost: number
  /** How often the clock had gone back by then. */
  readonly stepsBack?: number
}

/** An algorithm as its definition says it, computed anew from the whole log each time, without cleverness. */
export interface Kind {
  readonly title: string
  readonly policy: fc.Arbitrary<Policy>
  /** Units in use at `now`, rounded up: `cost` passes when it fits beside them. */
  used(policy: Policy, log: readonly Taken[], now: number): number
  /** The same where more than the capacity may have been taken, if that is counted otherwise. */
  owed?(policy: Policy, log: readonly Taken[], now: number): number
  /** The most that any closed interval of this length may see (docs/arithmetic.md, I1). */
  envelope(policy: Policy, intervalMs: number): number
  /** What a step back of the clock may let pass once more, where windows are the clock's. */
  reopens?(policy: Policy): number
  /** Units that a greedy client gets in a window in the long run (I2). */
  sustained(policy: Policy): number
  /** The longest that a full bucket can take to be as new. */
  capacityMs(policy: Policy): number
}

const quota = fc.integer({ min: 1, max: 12 })
const windowMs = fc.integer({ min: 1, max: 240 })
const text = fc.tuple(quota, windowMs).map(([q, w]) => `${q}/${w}ms` as string)
const textOf = (least: number, most: number) =>
  fc.tuple(fc.integer({ min: least, max: most }), windowMs).map(([q, w]) => `${q}/${w}ms` as string)
const sumOf = (log: readonly Taken[], counts: (taken: Taken) => boolean): number =>
  sum(log.filter(counts).map(({ cost }) => cost))

/** A meter: fills by each cost, drains at quota / window; kept in units of 1 / window so that it stays whole. */
function levelOf({ quota, windowMs }: Policy, log: readonly Taken[], now: number): number {
  let level = 0
  let last = 0
  for (const { at, cost } of [...log, { at: now, cost: 0 }]) {
    level = Math.max(0, level - (at - last) * quota) + cost * windowMs
    last = at
  }
  return level
}

const windowsIn = (policy: Policy, ms: number): number => Math.floor(ms / policy.windowMs) + 1

const bucket: Pick<Kind, 'used' | 'envelope' | 'sustained' | 'capacityMs'> = {
  used: (policy, log, now) => Math.ceil(levelOf(policy, log, now) / policy.windowMs),
  envelope: (policy, ms) => policy.capacity + Math.floor((ms * policy.quota) / policy.windowMs),
  // A bucket too small for what comes in a millisecond overflows before a clock of milliseconds can tell.
  sustained: ({ quota, windowMs, capacity }) =>
    capacity > Math.ceil(quota / windowMs) ? quota : (capacity * windowMs) / Math.ceil((capacity * windowMs) / quota),
  capacityMs: (policy) => Math.ceil((policy.capacity * policy.windowMs) / policy.quota),
}

const USUAL_MONTH_MS = 30 * 86_400_000

/** Periods of these lengths, over and over, from the epoch on: as uneven as months are. */
export function uneven(lengths: readonly number[], unit: PeriodUnit = 'month'): Calendar {
  const round = sum(lengths)
  const startsIn = (from: number) => lengths.map((_, i) => from + sum(lengths.slice(0, i)))
  return {
    unit,
    timeZone: 'UTC',
    id: `uneven-${lengths.join('-')}`,
    periodAt(now) {
      const from = Math.floor(now / round) * round
      const starts = [...startsIn(from - round), ...startsIn(from), from + round]
      const at = starts.findLastIndex((start) => start <= now)
      const [previous = 0, start = 0, end = 0] = [starts[at - 1], starts[at], starts[at + 1]]
      return { previous, start, end }
    },
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}

const lengths = fc.array(fc.integer({ min: 1, max: 240 }), { minLength: 1, maxLength: 3 })

function calendarOf({ calendar }: Policy): Calendar {
  if (calendar === undefined) throw new Error('a quota has a calendar')
  return calendar
}

/** Calendar quotas of every sort, for what needs no oracle. */
export const anyQuota: fc.Arbitrary<Policy> = fc
  .record({
    quota,
    lengths,
    soft: fc.boolean(),
    overage: fc.integer({ min: 0, max: 6 }),
    rollover: fc.integer({ min: 0, max: 8 }),
    history: fc.integer({ min: 0, max: 4 }),
  })
  .map(({ quota, lengths, soft, overage, ...more }) =>
    calendarQuota({ quota, unit: 'requests' }, uneven(lengths), { ...more, soft, ...(soft ? {} : { overage }) }),
  )

export const kinds: readonly Kind[] = [
  {
    title: 'fixed window',
    policy: text.map((rate) => fixedWindow(rate)),
    used(policy, log, now) {
      let start = Number.NEGATIVE_INFINITY
      for (const { at } of log) if (at >= start + policy.windowMs) start = at
      return now >= start + policy.windowMs ? 0 : sumOf(log, ({ at }) => at >= start)
    },
    envelope(policy, ms) {
      const opening = ms === 0 ? 0 : windowsIn(policy, ms - 1)
      return Math.max(policy.quota * windowsIn(policy, ms), policy.quota - 1 + policy.quota * opening)
    },
    sustained: (policy) => policy.quota,
    capacityMs: (policy) => policy.windowMs,
  },
  {
    title: 'exact window: a text of up to ten units',
    policy: textOf(1, 10).map((rate) => slidingWindow(rate)),
    used: (policy, log, now) => sumOf(log, ({ at }) => at > now - policy.windowMs),
    // Those before the latest ten return together, with the latest of them.
    owed({ windowMs }, log, now) {
      let returns: number[] = []
      for (const { at, cost } of log) {
        const live = [...Array<number>(cost).fill(at + windowMs), ...returns.filter((ms) => ms > at)]
        returns = live.map((ms, i) => (i < 10 ? ms : (live[10] ?? ms)))
      }
      return returns.filter((ms) => ms > now).length
    },
    envelope: (policy, ms) => policy.quota * windowsIn(policy, ms),
    sustained: (policy) => policy.quota,
    capacityMs: (policy) => policy.windowMs,
  },
  {
    title: 'sliding window',
    policy: textOf(11, 24).map((rate) => slidingWindow(rate)),
    used({ windowMs }, log, now) {
      const window = Math.floor(now / windowMs)
      const elapsed = now - window * windowMs
      const current = sumOf(log, ({ at }) => Math.floor(at / windowMs) === window)
      const previous = sumOf(log, ({ at }) => Math.floor(at / windowMs) === window - 1)
      return current + Math.round((previous * (windowMs - elapsed)) / windowMs)
    },
    // Rounding to the nearest unit brings each by half a unit's time forward.
    envelope: ({ quota, windowMs }, ms) => quota + Math.floor((2 * ms * quota + windowMs) / (2 * windowMs)),
    sustained: ({ quota }) => quota,
    capacityMs: (policy) => 2 * policy.windowMs,
  },
  {
    title: 'sliding window with sub-windows',
    policy: fc.tuple(text, fc.integer({ min: 1, max: 12 })).map(([rate, k]) => slidingWindow(rate, { subWindows: k })),
    used({ windowMs, subWindows }, log, now) {
      const part = Math.ceil(windowMs / subWindows)
      return sumOf(log, ({ at }) => Math.floor(at / part) >= Math.floor(now / part) - subWindows)
    },
    envelope: (policy, ms) => policy.quota * windowsIn(policy, ms),
    // The part that is half gone counts in full: that is the price of never passing the quota.
    sustained: ({ quota, windowMs, subWindows }) =>
      (quota * windowMs) / ((subWindows + 1) * Math.ceil(windowMs / subWindows)),
    capacityMs: ({ windowMs, subWindows }) => (subWindows + 1) * Math.ceil(windowMs / subWindows),
  },
  {
    title: 'sliding log',
    policy: text.map((rate) => slidingLog(rate)),
    used: (policy, log, now) => sumOf(log, ({ at }) => at > now - policy.windowMs),
    envelope: (policy, ms) => policy.quota * windowsIn(policy, ms),
    sustained: (policy) => policy.quota,
    capacityMs: (policy) => policy.windowMs,
  },
  {
    title: 'token bucket',
    policy: fc.tuple(text, fc.integer({ min: 1, max: 20 })).map(([rate, burst]) => tokenBucket(rate, { burst })),
    ...bucket,
  },
  {
    title: 'leaky bucket',
    policy: fc
      .tuple(text, fc.integer({ min: 0, max: 30 }), fc.integer({ min: 1, max: 5 }))
      .map(([rate, queue, burst]) => leakyBucket(rate, { queue, burst })),
    ...bucket,
  },
  {
    title: 'calendar quota',
    policy: fc
      .tuple(quota, lengths)
      .map(([quota, lengths]) => calendarQuota({ quota, unit: 'requests' }, uneven(lengths))),
    used: (policy, log, now) => sumOf(log, ({ at }) => at >= calendarOf(policy).periodAt(now).start),
    envelope: ({ quota, calendar }, ms) => quota * most(calendar?.id ?? '', ms),
    // A period that has begun is begun again: what was taken in it counts in the one before.
    reopens: (policy) => policy.quota,
    sustained: (policy) => policy.quota,
    capacityMs: (policy) => Math.max(...lengthsOf(calendarOf(policy))),
  },
]

function lengthsOf({ id }: Calendar): readonly number[] {
  return id.split('-').slice(1).map(Number)
}

/** The most of these uneven periods that an interval can touch. */
function most(id: string, ms: number): number {
  const lengths = id.split('-').slice(1).map(Number)
  const round = sum(lengths)
  const rounds = Math.floor(ms / round)
  const from = lengths.map((_, first) => {
    let periods = 1
    // It begins in the last millisecond of the first.
    for (let left = (ms % round) - 1; left >= 0; left -= lengths[(first + periods - 1) % lengths.length] ?? 1)
      periods += 1
    return periods
  })
  return rounds * lengths.length + Math.max(...from)
}

/** The same policy with another quota: another plan over the same bucket. */
export const asOther = (policy: Policy, quota: number): Policy => {
  // Across ten units a text is another algorithm, with buckets of its own.
  const other =
    policy.algorithm === 'exact-window'
      ? Math.min(quota, 10)
      : policy.algorithm === 'sliding-window'
        ? quota + 10
        : quota
  if (policy.calendar !== undefined) {
    const { unit, history, rollover, windowMs } = policy
    // A window was asked for: on an average the periods are so long.
    const calendar = windowMs === USUAL_MONTH_MS ? policy.calendar : uneven([windowMs - 1, windowMs + 1], 'quarter')
    return calendarQuota({ quota: other, unit }, calendar, { history, rollover })
  }
  const rate: string = `${other}/${policy.windowMs}ms`
  switch (policy.algorithm) {
    case 'fixed-window':
      return fixedWindow(rate)
    case 'exact-window':
    case 'sliding-window':
      return slidingWindow(rate)
    case 'sub-windows':
      return slidingWindow(rate, { subWindows: policy.subWindows })
    case 'sliding-log':
      return slidingLog(rate)
    case 'token-bucket':
      return tokenBucket(rate, { burst: policy.burst })
    default:
      return leakyBucket(rate, { burst: policy.burst, queue: policy.capacity - policy.burst })
  }
}
