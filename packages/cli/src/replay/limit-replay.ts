import { type MemoryStore, memoryStore, type Policy } from '@sluice/core'
import type { BoundLimit, SimulatedLimit } from '../limits/simulated-limit.js'
import type { LogEntry } from '../logs/entry.js'
import { Retries, type RetryModel } from './retries.js'
import { LimitTally } from './tally.js'

/** The most buckets of one limit; beyond them, those used least are dropped. */
const MOST_BUCKETS = 2 ** 24

/** One limit over a log: the limiter that servers use, by the log's time. */
export class LimitReplay {
  readonly limit: SimulatedLimit
  readonly tally: LimitTally
  readonly retries: Retries
  readonly store: MemoryStore
  readonly #bound: BoundLimit
  #now = 0

  constructor(limit: SimulatedLimit, retries: RetryModel) {
    this.limit = limit
    this.store = memoryStore({ clock: () => this.#now, maxKeys: MOST_BUCKETS })
    this.#bound = limit.bind(this.store)
    this.tally = new LimitTally(countedWindow(this.#bound.policies), limit.isWeighted)
    this.retries = new Retries(retries)
  }

  get policies(): readonly Policy[] {
    return this.#bound.policies
  }

  /** The quota of the policy whose demand is counted. */
  get quota(): number {
    return this.policies.find(({ windowMs }) => windowMs === this.tally.windowMs)?.quota ?? 1
  }

  /** Marks the entries that are denied. */
  take(entries: readonly LogEntry[], denied: Uint8Array): void {
    const places = this.limit.keys.placesOf?.(entries)
    for (let i = 0; i < entries.length; i++) {
      const entry = entries[i]
      if (entry === undefined || !this.limit.covers(entry)) continue
      if (this.#isDenied(entry, places?.[i] ?? -1, entry.at)) denied[i] = 1
    }
  }

  /** Takes one entry at another time. */
  takeAt(entry: LogEntry, at: number): void {
    if (this.limit.covers(entry)) this.#isDenied(entry, this.limit.keys.placesOf?.([entry])[0] ?? -1, at)
  }

  #isDenied(entry: LogEntry, place: number, at: number): boolean {
    const { retries, tally } = this
    if (!retries.areNone) this.#retryUntil(at)
    this.#now = at
    const decision = this.#bound.decide(entry, place)
    if (decision === undefined) return false
    if (decision === 'unkeyed') {
      tally.unkeyed++
      return false
    }
    const counted = place < 0 ? this.limit.keys.placeOf(decision) : place
    tally.note(counted, at, decision.asks[0]?.cost ?? 1, decision, entry.status)
    if (decision.allowed) return false
    if (!retries.areNone) retries.denied({ entry, place, at, attempt: 1 }, decision.retryAfterMs)
    return true
  }

  /** Retries that are still to come when the log has ended. */
  end(): void {
    this.#retryUntil(Number.MAX_SAFE_INTEGER)
    this.tally.end()
  }

  #retryUntil(at: number): void {
    for (let retry = this.retries.next(at); retry !== undefined; retry = this.retries.next(at)) {
      this.#now = retry.at
      this.retries.sent++
      const decision = this.#bound.decide(retry.entry, retry.place)
      if (decision === undefined || decision === 'unkeyed') continue
      if (decision.allowed) this.retries.allowed++
      else this.retries.denied(retry, decision.retryAfterMs)
    }
  }
}

/** The window in which demand is counted: that of the first rate. */
function countedWindow(policies: readonly Policy[]): number {
  return policies.find(({ calendar, lease }) => calendar === undefined && lease === undefined)?.windowMs ?? 0
}
