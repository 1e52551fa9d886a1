import type { LogEntry } from '../logs/entry.js'
import type { LimitReplay } from './limit-replay.js'

/** Windows that are so much longer than a second do not care when in a second a request was made. */
const LONGEST_WINDOW_MS = 60_000

/** Whether a limit's result depends on where in a second requests lie. */
export function dependsOnSeconds({ policies }: LimitReplay): boolean {
  return policies.some(({ windowMs, calendar }) => calendar === undefined && windowMs < LONGEST_WINDOW_MS)
}

/** The same entries, those of one second spread evenly over it where their times are whole seconds. */
export class Spread {
  readonly #replays: readonly LimitReplay[]
  #second: { readonly entry: LogEntry; readonly isCoarse: boolean }[] = []

  constructor(replays: readonly LimitReplay[]) {
    this.#replays = replays
  }

  take(entry: LogEntry, isCoarse: boolean): void {
    const [first] = this.#second
    if (first !== undefined && secondOf(first.entry) !== secondOf(entry)) this.#flush()
    this.#second.push({ entry, isCoarse })
  }

  /** What is still to come when the logs have ended. */
  end(): void {
    this.#flush()
    for (const replay of this.#replays) replay.end()
  }

  #flush(): void {
    const { length } = this.#second
    const timed = this.#second.map(({ entry, isCoarse }, i) => ({
      entry,
      at: isCoarse ? secondOf(entry) * 1_000 + Math.floor((i * 1_000) / length) : entry.at,
    }))
    this.#second = []
    timed.sort((one, other) => one.at - other.at)
    for (const { entry, at } of timed) for (const replay of this.#replays) replay.takeAt(entry, at)
  }
}

function secondOf({ at }: LogEntry): number {
  return Math.floor(at / 1_000)
}
