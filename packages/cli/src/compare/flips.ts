import type { LogEntry } from '../logs/entry.js'

/** Requests by what both sets of limits say of them. */
export interface FlipCounts {
  requests: number
  /** Allowed before, and denied now. */
  newlyDenied: number
  /** Of them, those whose response had a status below 400. */
  newlyDeniedSucceeded: number
  /** Denied before, and allowed now. */
  newlyAllowed: number
}

function none(): FlipCounts {
  return { requests: 0, newlyDenied: 0, newlyDeniedSucceeded: 0, newlyAllowed: 0 }
}

/** Beyond so many, new routes count as one. */
const MOST_ROUTES = 1_000

const OTHERS = 'other routes'

/** Requests that two sets of limits decide differently, by key and by route. */
export class Flips {
  readonly all: FlipCounts = none()
  deniedBefore = 0
  deniedNow = 0
  readonly byKey: Map<string, FlipCounts> = new Map()
  readonly byRoute: Map<string, FlipCounts> = new Map()

  note(entry: LogEntry, key: string, route: string, wasDenied: boolean, isDenied: boolean): void {
    if (wasDenied) this.deniedBefore++
    if (isDenied) this.deniedNow++
    const isKnown = this.byRoute.has(route) || this.byRoute.size < MOST_ROUTES
    for (const counts of [this.all, countsOf(this.byKey, key), countsOf(this.byRoute, isKnown ? route : OTHERS)]) {
      counts.requests++
      if (wasDenied && !isDenied) counts.newlyAllowed++
      if (wasDenied || !isDenied) continue
      counts.newlyDenied++
      if (entry.status >= 100 && entry.status < 400) counts.newlyDeniedSucceeded++
    }
  }

  /** Keys of which something is newly denied. */
  get keysNewlyDenied(): number {
    let count = 0
    for (const { newlyDenied } of this.byKey.values()) if (newlyDenied > 0) count++
    return count
  }
}

function countsOf(counts: Map<string, FlipCounts>, name: string): FlipCounts {
  const known = counts.get(name)
  if (known !== undefined) return known
  const fresh = none()
  counts.set(name, fresh)
  return fresh
}
