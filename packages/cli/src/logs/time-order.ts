import type { LogEntry } from './entry.js'

/** Lines are written when requests end, so one may stand behind others that began later. */
const WINDOW_MS = 60_000

/** Entries that are held back at the most. */
const MOST_HELD = 200_000

/** Puts the entries of one file into the order in which requests began. */
export class TimeOrder {
  /** Entries that came later than those behind them could wait: they are taken at the time of the entry before them. */
  late = 0
  readonly #held: LogEntry[] = []
  #isSorted = true
  #given = Number.NEGATIVE_INFINITY

  add(entry: LogEntry): void {
    const last = this.#held.at(-1)
    if (last !== undefined && entry.at < last.at) this.#isSorted = false
    this.#held.push(entry)
  }

  /** The entries before which no other is expected. */
  take(): readonly LogEntry[] {
    this.#sort()
    const newest = this.#held.at(-1)?.at ?? 0
    const settled = firstAfter(this.#held, newest - WINDOW_MS)
    return this.#give(Math.max(settled, this.#held.length - MOST_HELD))
  }

  /** The rest. */
  end(): readonly LogEntry[] {
    this.#sort()
    return this.#give(this.#held.length)
  }

  #sort(): void {
    if (!this.#isSorted) this.#held.sort((one, other) => one.at - other.at)
    this.#isSorted = true
  }

  #give(count: number): readonly LogEntry[] {
    const given = this.#held.splice(0, count)
    for (const entry of given) {
      if (entry.at >= this.#given) break
      entry.at = this.#given
      this.late++
    }
    this.#given = given.at(-1)?.at ?? this.#given
    return given
  }
}

/** The index of the first entry that began after an instant. */
function firstAfter(entries: readonly LogEntry[], at: number): number {
  let low = 0
  let high = entries.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((entries[middle]?.at ?? 0) <= at) low = middle + 1
    else high = middle
  }
  return low
}
