import { KeyNumbers } from '../limits/entry-keys.js'
import type { KeyReader } from '../limits/key-reader.js'
import type { LogEntry } from '../logs/entry.js'
import { PARTS, WindowCounts } from '../replay/window-counts.js'
import { isAttackTool } from './attack-tools.js'

/** The windows in which peaks are counted. */
export const WINDOWS = [
  { name: '1 s', ms: 1_000 },
  { name: '10 s', ms: 10_000 },
  { name: '1 min', ms: 60_000 },
  { name: '1 h', ms: 3_600_000 },
  { name: '1 day', ms: 86_400_000 },
] as const

/** Where the numbers of a key stand: requests, and those that were refused (401, 403, 404, 429). */
const REQUESTS = 0
const REFUSED = 1
const FROM_TOOL = 2
const CELLS = 3

/** One key of a route: what it asked for at most. */
export interface KeyPeaks {
  readonly key: string
  readonly requests: number
  /** Of them, answered 401, 403, 404 or 429. */
  readonly refused: number
  readonly isTool: boolean
  /** The peak in each of `WINDOWS`. */
  readonly peaks: readonly number[]
}

/** The peaks of every key of one route. */
export class RoutePeaks {
  readonly #numbers = new KeyNumbers()
  readonly #counts = WINDOWS.map(() => new WindowCounts())
  #cells = new Float64Array(256 * CELLS)

  add(key: string, entry: LogEntry, isTool: boolean): void {
    const place = this.#numbers.placeOf(key)
    const base = place * CELLS
    while (base >= this.#cells.length) {
      const cells = new Float64Array(this.#cells.length * 2)
      cells.set(this.#cells)
      this.#cells = cells
    }
    const { status } = entry
    this.#cells[base + REQUESTS] = (this.#cells[base + REQUESTS] ?? 0) + 1
    if (REFUSALS.has(status)) this.#cells[base + REFUSED] = (this.#cells[base + REFUSED] ?? 0) + 1
    if (isTool) this.#cells[base + FROM_TOOL] = (this.#cells[base + FROM_TOOL] ?? 0) + 1
    for (let i = 0; i < WINDOWS.length; i++) {
      const ms = WINDOWS[i]?.ms ?? 1
      this.#counts[i]?.add(place, Math.floor((entry.at * PARTS) / ms), 1)
    }
  }

  get size(): number {
    return this.#numbers.keys.length
  }

  all(): readonly KeyPeaks[] {
    return this.#numbers.keys.map((key, place) => ({
      key,
      requests: this.#cells[place * CELLS + REQUESTS] ?? 0,
      refused: this.#cells[place * CELLS + REFUSED] ?? 0,
      // One of many behind an address is not all of them.
      isTool: 2 * (this.#cells[place * CELLS + FROM_TOOL] ?? 0) >= (this.#cells[place * CELLS + REQUESTS] ?? 0),
      peaks: this.#counts.map((counts) => counts.peakOf(place)),
    }))
  }
}

const REFUSALS = new Set([401, 403, 404, 429])

/** Routes whose peaks are kept apart; the others count under `ALL` alone. */
const MOST_ROUTES = 200

export const ALL = 'all requests'

/** The peaks of the routes of a log. */
export class Peaks {
  readonly routes: Map<string, RoutePeaks> = new Map([[ALL, new RoutePeaks()]])
  /** Requests of routes beyond the most that are kept. */
  otherRoutes = 0
  readonly #keys: KeyReader
  readonly #routeOf: (entry: LogEntry) => string | undefined
  readonly #agentAt: number

  constructor(keys: KeyReader, routeOf: (entry: LogEntry) => string | undefined, agentAt: number) {
    this.#keys = keys
    this.#routeOf = routeOf
    this.#agentAt = agentAt
  }

  add(entries: readonly LogEntry[]): void {
    const places = this.#keys.placesOf(entries)
    for (const [i, entry] of entries.entries()) {
      const key = this.#keys.keys[places[i] ?? -1]
      if (key !== undefined) this.#add(entry, key)
    }
  }

  #add(entry: LogEntry, key: string): void {
    const isTool = isAttackTool(entry.values[this.#agentAt])
    this.routes.get(ALL)?.add(key, entry, isTool)
    const route = this.#routeOf(entry)
    if (route !== undefined) this.#route(route)?.add(key, entry, isTool)
  }

  #route(route: string): RoutePeaks | undefined {
    const known = this.routes.get(route)
    if (known !== undefined) return known
    if (this.routes.size > MOST_ROUTES) {
      this.otherRoutes++
      return undefined
    }
    const peaks = new RoutePeaks()
    this.routes.set(route, peaks)
    return peaks
  }
}
