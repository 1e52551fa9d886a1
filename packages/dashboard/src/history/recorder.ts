import { randomBytes } from 'node:crypto'
import { type Counts, type Store, StoreError } from '@sluice/core'
import { type ObservedLimit, publishedLimit } from '@sluice/core/observe'
import { describe, warn } from '@sluice/core/runtime'
import { type Histogram, METRICS, type Metrics, type Sample } from '@sluice/metrics'
import { addCounts } from './counts.js'
import { slotAt, TIERS, tableAt } from './tiers.js'

/** How often a process adds what it has counted to the store. */
export const EVERY_MS = 5_000

/** Keys of each kind whose counts are added up over all processes. */
const TOP_KEYS = 20
const MOST_KEYS = 5_000

const MOST_PUBLISHED = 500

/** Limits are published anew every five minutes, so that those that are gone are forgotten. */
export function publishedTable(minute: number): string {
  return `c:${Math.floor(minute / 5)}`
}

/** Between the parts of a row: no name of a limit has it. */
export const PART = '\u0001'

/** The row of a series in a slot. */
export type Series = readonly string[]

/**
 * Adds what a process has counted since the last time to the store's tables, every five seconds in one call. What could not be added
 * is added the next time.
 */
export class Recorder {
  readonly #metrics: Metrics
  readonly #store: Store
  readonly #limits: () => readonly ObservedLimit[]
  readonly #instance = randomBytes(6).toString('base64url')
  /** What was added of each series. */
  readonly #added = new Map<string, number>()
  readonly #timer: ReturnType<typeof setInterval>
  #underWay: Promise<void> | undefined
  #isWarned = false

  constructor(metrics: Metrics, store: Store, limits: () => readonly ObservedLimit[]) {
    this.#metrics = metrics
    this.#store = store
    this.#limits = limits
    this.#timer = setInterval(() => void this.flush(), EVERY_MS)
    this.#timer.unref()
    // What was counted before is not of now.
    this.#note(this.#seriesNow(), this.#keysNow())
  }

  /** Adds now what has not been added. Never rejects. */
  flush(): Promise<void> {
    this.#underWay ??= this.#flush().finally(() => {
      this.#underWay = undefined
    })
    return this.#underWay
  }

  close(): Promise<void> {
    clearInterval(this.#timer)
    return this.flush()
  }

  async #flush(): Promise<void> {
    if (this.#store.addCounts === undefined) return
    const series = this.#seriesNow()
    const keys = this.#keysNow()
    const deltas = this.#deltasOf(series)
    const keyDeltas = this.#deltasOf(keys)
    try {
      await addCounts(this.#store, this.#additions(deltas, keyDeltas))
      this.#note(series, keys)
      this.#isWarned = false
    } catch (error) {
      // What may have been added is not added again: less is better than twice.
      if (error instanceof StoreError && error.uncertain) this.#note(series, keys)
      if (!this.#isWarned) warn('SLUICE_DASHBOARD', `The dashboard’s history could not be kept: ${describe(error)}`)
      this.#isWarned = true
    }
    if (this.#added.size > 10 * MOST_KEYS)
      for (const row of this.#added.keys()) if (!series.has(row) && !keys.has(row)) this.#added.delete(row)
  }

  #note(...counted: readonly ReadonlyMap<string, number>[]): void {
    for (const rows of counted) for (const [row, value] of rows) this.#added.set(row, value)
  }

  #deltasOf(series: ReadonlyMap<string, number>): ReadonlyMap<string, number> {
    const deltas = new Map<string, number>()
    for (const [row, value] of series) {
      const delta = value - (this.#added.get(row) ?? 0)
      if (delta > 0) deltas.set(row, delta)
    }
    return deltas
  }

  #additions(deltas: ReadonlyMap<string, number>, keys: ReadonlyMap<string, number>): readonly Counts[] {
    const now = Date.now()
    const additions: Counts[] = Object.values(TIERS).map((tier) => {
      const slot = slotAt(tier, now)
      const rows = new Map(Array.from(deltas, ([row, delta]) => [`${slot}${PART}${row}`, delta]))
      return { table: tableAt(tier, now), keepMs: tier.keepMs, most: tier.most, rows }
    })
    const hour = Math.floor(now / 3_600_000)
    const minute = Math.floor(now / 60_000)
    return [
      ...additions.filter(({ rows }) => rows.size > 0),
      ...(keys.size === 0 ? [] : [{ table: `k:${hour}`, keepMs: 7_200_000, most: MOST_KEYS, rows: keys }]),
      { table: `p:${minute}`, keepMs: 120_000, most: 1_000, rows: new Map([[this.#instance, 1]]) },
      ...this.#published(minute),
    ]
  }

  /** What the limits say, for a dashboard that has none itself. */
  #published(minute: number): readonly Counts[] {
    const texts = this.#limits().flatMap((limit) => {
      try {
        return [publishedLimit(limit)]
      } catch {
        // A calendar of somebody's own cannot be written down.
        return []
      }
    })
    const rows = new Map(texts.slice(0, MOST_PUBLISHED).map((text) => [text, 1]))
    return rows.size === 0 ? [] : [{ table: publishedTable(minute), keepMs: 600_000, most: MOST_PUBLISHED, rows }]
  }

  /** Requests by limit and result, evaluations and shares by policy, and times of decisions. */
  #seriesNow(): ReadonlyMap<string, number> {
    const series = new Map<string, number>()
    const add = (parts: Series, value: number): void => {
      const row = parts.join(PART)
      if (value > 0) series.set(row, (series.get(row) ?? 0) + value)
    }
    const byMetric = new Map(this.#metrics.collect().map(({ definition, samples }) => [definition, samples]))
    const samplesOf = (name: keyof typeof METRICS): readonly Sample[] => byMetric.get(METRICS[name]) ?? []
    for (const { labels, value } of samplesOf('requests'))
      add(['r', of(labels, 'limit'), of(labels, 'result')], numberIn(value))
    for (const { labels, value } of samplesOf('evaluations')) {
      add(['e', of(labels, 'limit'), of(labels, 'policy'), of(labels, 'result')], numberIn(value))
    }
    for (const { labels, value } of samplesOf('utilization')) {
      addBuckets(value, (at, count) => add(['u', of(labels, 'limit'), of(labels, 'policy'), String(at)], count))
    }
    for (const { labels, value } of samplesOf('decisionDuration')) {
      addBuckets(value, (at, count) => add(['t', of(labels, 'limit'), String(at)], count))
    }
    return series
  }

  #keysNow(): ReadonlyMap<string, number> {
    const keys = new Map<string, number>()
    for (const by of ['denials', 'units'] as const) {
      for (const { limit, key, count, error } of this.#metrics.topKeys({ by, most: 1_000 }).slice(0, 10 * TOP_KEYS)) {
        const shown = this.#store.masked?.(key) ?? key
        keys.set([by === 'denials' ? 'd' : 'u', limit, shown].join(PART), Math.max(1, Math.round(count - error / 2)))
      }
    }
    return keys
  }
}

function of(labels: Readonly<Record<string, string>>, name: string): string {
  return labels[name] ?? ''
}

function numberIn(value: number | Histogram): number {
  return typeof value === 'number' ? value : 0
}

function addBuckets(value: number | Histogram, add: (at: number, count: number) => void): void {
  if (typeof value === 'number') return
  for (const [at, count] of value.counts.entries()) if (count > 0) add(at, count)
}
