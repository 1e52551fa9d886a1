import type { Store } from '@sluice/core'
import { METRICS } from '@sluice/metrics'
import { readCounts } from './counts.js'
import { PART } from './recorder.js'
import { slotAt, TIERS, type Tier, tableAt } from './tiers.js'

/** What can be looked back on. */
export type Range = 'hour' | 'day' | 'week'

/** Slots of a range, and the tier that they are of. */
const RANGES: Readonly<Record<Range, { readonly tier: Tier; readonly slots: number }>> = {
  hour: { tier: TIERS.minutes, slots: 60 },
  day: { tier: TIERS.hours, slots: 24 },
  week: { tier: TIERS.hours, slots: 168 },
}

export function isRange(text: string): text is Range {
  return Object.hasOwn(RANGES, text)
}

/** What was counted in each slot of a range, by series; the last slot is the one that runs now. */
export interface Past {
  /** When each slot began, in Unix milliseconds. */
  readonly starts: readonly number[]
  readonly slotMs: number
  /** The numbers of one series: `['r', limit, result]` and the like; zeros where there are none. */
  of(...series: readonly string[]): readonly number[]
  /** The last parts of all series that begin so. */
  names(...series: readonly string[]): readonly string[]
}

/** Reads a range that ends now, or `ago` ranges before. */
export async function readPast(store: Store, range: Range, ago: number = 0): Promise<Past> {
  const { tier, slots } = RANGES[range]
  const end = Date.now() - ago * slots * tier.slotMs
  const last = Math.floor(end / tier.slotMs)
  const starts = Array.from({ length: slots }, (_, i) => (last - slots + 1 + i) * tier.slotMs)
  const tables = [...new Set(starts.map((ms) => tableAt(tier, ms)))]
  const found = await readCounts(store, tables)
  const byTable = new Map(tables.map((table, i) => [table, found[i]]))
  const series = new Map<string, number[]>()
  const slotOf = new Map(starts.map((ms, i) => [`${tableAt(tier, ms)}/${slotAt(tier, ms)}`, i]))
  for (const [table, rows] of byTable) {
    for (const [row, value] of rows ?? []) {
      const at = row.indexOf(PART)
      const slot = slotOf.get(`${table}/${row.slice(0, at)}`)
      if (slot === undefined) continue
      const name = row.slice(at + 1)
      let numbers = series.get(name)
      if (numbers === undefined) {
        numbers = new Array<number>(slots).fill(0)
        series.set(name, numbers)
      }
      numbers[slot] = (numbers[slot] ?? 0) + value
    }
  }
  const none = new Array<number>(slots).fill(0)
  return {
    starts,
    slotMs: tier.slotMs,
    of: (...parts) => series.get(parts.join(PART)) ?? none,
    names: (...parts) => {
      const begin = `${parts.join(PART)}${PART}`
      return [...series.keys()].filter((name) => name.startsWith(begin)).map((name) => name.slice(begin.length))
    },
  }
}

/** Servers that have added something in the last two minutes. */
export async function readServers(store: Store): Promise<number> {
  const minute = Math.floor(Date.now() / 60_000)
  const found = await readCounts(store, [`p:${minute}`, `p:${minute - 1}`])
  return Math.max(1, ...found.map((rows) => rows.size))
}

export interface CountedKey {
  readonly key: string
  readonly count: number
}

/** The keys of a limit that had most denials (`d`) or took most units (`u`). */
export type TopKeys = (by: 'd' | 'u', limit: string, most: number) => readonly CountedKey[]

/** Reads what the keys had in this hour and the one before, over all servers and of all limits. */
export async function readTopKeys(store: Store): Promise<TopKeys> {
  const hour = Math.floor(Date.now() / 3_600_000)
  const found = await readCounts(store, [`k:${hour}`, `k:${hour - 1}`])
  return (by, limit, most) => {
    const begin = [by, limit, ''].join(PART)
    const counts = new Map<string, number>()
    for (const rows of found) {
      for (const [row, count] of rows) {
        if (!row.startsWith(begin)) continue
        const key = row.slice(begin.length)
        counts.set(key, (counts.get(key) ?? 0) + count)
      }
    }
    return Array.from(counts, ([key, count]) => ({ key, count }))
      .sort((a, b) => b.count - a.count)
      .slice(0, most)
  }
}

/** The time below which so large a part of a limit's decisions was made, in milliseconds; `undefined` where none was measured. */
export function durationOf(past: Past, limit: string, part: number): number | undefined {
  const bounds = METRICS.decisionDuration.buckets ?? []
  const counts = [...bounds, Number.POSITIVE_INFINITY].map((_, at) => sum(past.of('t', limit, String(at))))
  const all = sum(counts)
  if (all === 0) return undefined
  let reached = 0
  for (const [at, count] of counts.entries()) {
    reached += count
    if (reached >= part * all) return (bounds[at] ?? bounds.at(-1) ?? 0) * 1_000
  }
  return undefined
}

export function sum(numbers: readonly number[]): number {
  return numbers.reduce((all, one) => all + one, 0)
}
