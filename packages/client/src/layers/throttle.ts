import { RollingCount } from './rolling-count.js'

export interface ThrottleTerms {
  /** How many requests are sent for each that is accepted, before any is kept back. */
  readonly multiplier: number
}

/** Fewer requests say nothing: the first failure would keep back every other call. */
const FEWEST = 10

/** Two minutes, as in the book. */
const SLICES = 12
const SLICE_MS = 10_000

/**
 * Adaptive throttling: keeps back a call with the probability max(0, (requests − K · accepts) / (requests + 1)) over the last two
 * minutes (Google, "Site Reliability Engineering", chapter 21, "Handling overload").
 */
export class Throttle {
  readonly #multiplier: number
  readonly #requests = new RollingCount(SLICES, SLICE_MS)
  readonly #accepts = new RollingCount(SLICES, SLICE_MS)

  constructor({ multiplier }: ThrottleTerms) {
    this.#multiplier = multiplier
  }

  get probability(): number {
    const { total } = this.#requests
    if (total < FEWEST) return 0
    return Math.max(0, (total - this.#multiplier * this.#accepts.total) / (total + 1))
  }

  /** A request was answered, or failed. One that is still under way has not been rejected. */
  noteAnswer(isAccepted: boolean): void {
    this.#requests.add()
    if (isAccepted) this.#accepts.add()
  }

  /** A request that is not sent counts too. */
  noteKeptBack(): void {
    this.#requests.add()
  }
}
