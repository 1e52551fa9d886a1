import type { LogEntry } from '../logs/entry.js'

/** How denied clients behave: they give up, come back when they are allowed to, or come back every second. */
export type RetryModel = 'none' | 'obey' | 'hammer'

const MOST_ATTEMPTS = 5
const HAMMER_MS = 1_000

/** Longer waits are given up: a client that is told to come back tomorrow is gone. */
const LONGEST_WAIT_MS = 15 * 60_000

const MOST_WAITING = 100_000

/** A request, and which attempt it is. */
export interface Retry {
  readonly at: number
  readonly entry: LogEntry
  readonly place: number
  readonly attempt: number
}

/** The retries that are still to come, the earliest first. */
export class Retries {
  sent = 0
  allowed = 0
  /** Requests that were denied and not tried again. */
  abandoned = 0
  readonly #model: RetryModel
  /** A binary heap by time. */
  readonly #heap: Retry[] = []

  constructor(model: RetryModel) {
    this.#model = model
  }

  get areNone(): boolean {
    return this.#model === 'none'
  }

  /** A request was denied: the first attempt, or a retry. */
  denied({ entry, place, at, attempt }: Retry, retryAfterMs: number): void {
    const waitMs = this.#model === 'hammer' ? HAMMER_MS : retryAfterMs
    const isOver = attempt > MOST_ATTEMPTS || waitMs > LONGEST_WAIT_MS || this.#heap.length >= MOST_WAITING
    if (isOver) this.abandoned++
    else this.#push({ at: at + Math.max(1, Math.ceil(waitMs)), entry, place, attempt: attempt + 1 })
  }

  /** The next one at or before an instant. */
  next(at: number): Retry | undefined {
    const [first] = this.#heap
    if (first === undefined || first.at > at) return undefined
    const last = this.#heap.pop()
    if (last !== undefined && last !== first) this.#sink(last)
    return first
  }

  #push(retry: Retry): void {
    let place = this.#heap.push(retry) - 1
    while (place > 0) {
      const parent = (place - 1) >> 1
      const above = this.#heap[parent]
      if (above === undefined || above.at <= retry.at) break
      this.#heap[place] = above
      place = parent
    }
    this.#heap[place] = retry
  }

  #sink(retry: Retry): void {
    let place = 0
    for (;;) {
      let child = 2 * place + 1
      const right = this.#heap[child + 1]
      let below = this.#heap[child]
      if (below !== undefined && right !== undefined && right.at < below.at) {
        below = right
        child++
      }
      if (below === undefined || below.at >= retry.at) break
      this.#heap[place] = below
      place = child
    }
    this.#heap[place] = retry
  }
}
