import type { Routes } from './routes.js'

/** The share of a hold over which those are spread that waited for it. */
const SPREAD = 0.1
/** A server that says longer is asked again after a day: it may have been a mistake. */
const LONGEST_MS = 86_400_000
/** How long a key is held after a denial that says nothing: at least half of it, doubled each time. */
const FIRST_UNTOLD_MS = 500
const LONGEST_UNTOLD_MS = 20_000
/** Beyond this, the shortest holds become one of the whole key. */
const MOST_HOLDS = 20

interface Hold {
  readonly until: number
  /** Where these are known to be limits of some routes, other routes are exempt; none: it holds all. */
  readonly limits: readonly string[]
  readonly forMs: number
  /** When the first call is sent: not all clients of a server come back at the same moment. */
  readonly opensAt: number
}

/** What denials hold, and until when. */
export class Gate {
  readonly #routes: Routes
  #holds: Hold[] = []
  /** Denials in a row that said nothing of when to come back, and when the last one came. */
  #untold = 0
  #untoldAt = 0

  constructor(routes: Routes) {
    this.#routes = routes
  }

  /** Until when the whole key is held, in Unix milliseconds; in the past where it is not. */
  get closedUntil(): number {
    let until = 0
    for (const hold of this.#holds) if (hold.limits.length === 0) until = Math.max(until, hold.until)
    return until
  }

  /** Until when calls of a route are held. */
  closedFor(route: string | undefined): number {
    let until = 0
    for (const hold of this.#holds) {
      if (hold.until > until && !this.#routes.isExempt(route, hold.limits)) until = hold.until
    }
    return until
  }

  /** Holds what a denial concerns, until it said. Returns until when; `undefined` where it was held for as long already. */
  hold(retryAt: number, limits: readonly string[], now: number): number | undefined {
    const until = Math.min(retryAt, now + LONGEST_MS)
    if (this.#holds.some((hold) => hold.until >= until && covers(hold, limits))) return undefined
    const forMs = until - now
    this.#add({ until, limits, forMs, opensAt: until + Math.random() * SPREAD * forMs })
    return until
  }

  /** A denial that does not say when to come back: nobody asks again for a while. */
  holdUntold(sentAt: number, now: number): void {
    // Those that were sent together are denied together.
    if (sentAt >= this.#untoldAt) this.#untold += 1
    this.#untoldAt = now
    const forMs = Math.min(LONGEST_UNTOLD_MS, FIRST_UNTOLD_MS * 2 ** (this.#untold - 1))
    const until = now + forMs / 2 + (Math.random() * forMs) / 2
    if (until > this.closedUntil) this.#add({ until, limits: [], forMs: until - now, opensAt: until })
  }

  noteSuccess(): void {
    this.#untold = 0
  }

  /** Forgets the holds that are over. Returns when the first call may go, and over how long the others are to be spread. */
  open(now: number): { readonly opensAt: number; readonly spreadMs: number } | undefined {
    if (!this.#holds.some(({ until }) => until <= now)) return undefined
    let [opensAt, spreadMs] = [0, 0]
    for (const hold of this.#holds) {
      if (hold.until > now) continue
      opensAt = Math.max(opensAt, hold.opensAt)
      spreadMs = Math.max(spreadMs, SPREAD * hold.forMs)
    }
    this.#holds = this.#holds.filter(({ until }) => until > now)
    return { opensAt, spreadMs }
  }

  #add(hold: Hold): void {
    // In place of those that it covers.
    this.#holds = this.#holds.filter((one) => one.until > hold.until || !covers(hold, one.limits))
    this.#holds.push(hold)
    if (this.#holds.length <= MOST_HOLDS) return
    const until = Math.max(...this.#holds.map((one) => one.until))
    this.#holds = [{ until, limits: [], forMs: hold.forMs, opensAt: until }]
  }
}

/** Whether a hold concerns all that one by these limits does. */
function covers(hold: Hold, limits: readonly string[]): boolean {
  return hold.limits.length === 0 || (limits.length > 0 && limits.every((name) => hold.limits.includes(name)))
}
