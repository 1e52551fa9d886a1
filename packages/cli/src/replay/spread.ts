import type { LogEntry } from '../logs/entry.js'
import type { LimitReplay } from './limit-replay.js'

/** Windows that are so much longer than a second do not care when in a second a request was made. */
const LONGEST_WINDOW_MS = 60_000

/** Whether a limit's result depends on where in a second requests lie. */
export function dependsOnSeconds({ policies }: LimitReplay): boolean {
  return policies.some(({ windowMs, calendar }) => calendar === undefined && windowMs < LONGEST_WINDOW_MS)
}

/** The same entries, those of one second spread evenly over it. */
export class Spread {
  readonly #replays: readonly LimitReplay[]
  #second: LogEntry[] = []

  constructor(replays: readonly LimitReplay[]) {
    this.#replays = replays
  }

  take(entry: LogEntry): void {
    const [first] = this.#second
    if (first !== undefined && Math.floor(first.at / 1_000) !== Math.floor(entry.at / 1_000)) this.end()
    this.#second.push(entry)
  }

  end(): void {
    const { length } = this.#second
    for (const [i, entry] of this.#second.entries()) {
      const at = Math.floor(entry.at / 1_000) * 1_000 + Math.floor((i * 1_000) / length)
      for (const replay of this.#replays) replay.takeAt(entry, at)
    }
    this.#second = []
  }
}
