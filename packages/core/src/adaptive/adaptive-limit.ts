import { Aimd } from './aimd.js'
import { Gradient } from './gradient.js'
import type { LimitAlgorithm } from './limit-algorithm.js'

/**
 * While the limit is lowered to measure something, a request is admitted all the same after so many times the usual number of
 * denials without a release: time is only seen when a place is given back, and those in progress may hang.
 */
const UNUSUAL = 40
/** Releases over which the usual number of denials is averaged. */
const USUAL_OVER = 50

interface Bounds {
  /** The limit never falls below; a whole number ≥ 1. */
  readonly min: number
  /** The limit never rises above; a whole number ≥ `min`. */
  readonly max: number
}

/** How a limit follows the latency. */
export type AdaptiveTerms = Bounds &
  (
    | { readonly algorithm: 'gradient' }
    /** `toleranceMs`: a request that takes longer counts as congestion. */
    | { readonly algorithm: 'aimd'; readonly toleranceMs: number }
  )

/** How many requests may be in progress in this process; grows and shrinks with measured latency. */
export class AdaptiveLimit {
  readonly #algorithm: LimitAlgorithm
  #inFlight = 0
  /** Since the last release. */
  #denied = 0
  /** Between one release and the next. */
  #usuallyDenied = 0

  constructor(terms: AdaptiveTerms) {
    const { min, max } = terms
    this.#algorithm = terms.algorithm === 'aimd' ? new Aimd(min, max, terms.toleranceMs) : new Gradient(min, max)
  }

  /** At most so many in progress now, a whole number from min to max. */
  get limit(): number {
    return this.#algorithm.limit
  }

  get inFlight(): number {
    return this.#inFlight
  }

  /** Takes so many places if there are as many, or none. */
  tryAcquire(places = 1): boolean {
    if (places > 0 && this.#inFlight + places > this.#algorithm.limit) {
      this.#denied++
      const isOverdue = this.#denied > UNUSUAL * (1 + this.#usuallyDenied)
      if (!isOverdue || this.#inFlight + places > this.#algorithm.ceiling) return false
    }
    this.#inFlight += places
    return true
  }

  /**
   * Gives a place back.
   * @param now Milliseconds of a clock that only this limit's callers need to share.
   * @param durationMs Since the place was taken; `undefined` where it says nothing about the server, since the client left
   * or the request was denied afterwards. Negative numbers and NaN, from a clock that was set back, count as `undefined`.
   * @param failed Whether the server failed or timed out.
   */
  release(now: number, durationMs: number | undefined, failed = false): void {
    if (this.#inFlight === 0) return
    const usable = durationMs !== undefined && durationMs >= 0 && durationMs < Number.POSITIVE_INFINITY
    this.#algorithm.released(now, usable ? durationMs : undefined, failed, this.#inFlight, this.#denied > 0)
    this.#inFlight--
    this.#usuallyDenied += (this.#denied - this.#usuallyDenied) / USUAL_OVER
    this.#denied = 0
  }
}
