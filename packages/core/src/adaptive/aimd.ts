import { firstLimit, type LimitAlgorithm } from './limit-algorithm.js'

const BACKOFF = 0.9
/** Of the requests of a round, so many may be slow or fail. */
const TOLERATED_SHARE = 0.01

/**
 * Additive increase, multiplicative decrease: in rounds of `limit` requests, the limit grows by √limit / 2, at least by 1, and
 * falls to 0.9 of itself after a round in which more than 1 % took longer than `toleranceMs` or failed. `toleranceMs` is
 * therefore about the 99th percentile that clients see. Until the first fall, the limit doubles.
 *
 * Netflix's AIMDLimit changes the limit with each request. All that are in progress during a jam are slow, so one jam would
 * divide the limit by 0.9^limit, and of many requests in progress one is always slow by chance. Requests that were admitted
 * before a fall count in no round after it.
 */
export class Aimd implements LimitAlgorithm {
  readonly #min: number
  readonly #max: number
  readonly #toleranceMs: number
  #estimate: number
  #fellAt = Number.NEGATIVE_INFINITY
  #lastAt = Number.NEGATIVE_INFINITY
  #count = 0
  #bad = 0
  #peak = 0
  #doubling = true

  constructor(min: number, max: number, toleranceMs: number) {
    this.#min = min
    this.#max = max
    this.#toleranceMs = toleranceMs
    this.#estimate = firstLimit(min, max)
  }

  get limit(): number {
    return Math.floor(this.#estimate)
  }

  get ceiling(): number {
    return this.limit
  }

  released(now: number, durationMs: number | undefined, failed: boolean, inFlight: number): void {
    if (now < this.#lastAt) this.#fellAt -= this.#lastAt - now
    this.#lastAt = now
    this.#peak = Math.max(this.#peak, inFlight)
    if (durationMs === undefined && !failed) return
    if (now - (durationMs ?? 0) < this.#fellAt) return
    this.#count++
    if (failed || (durationMs ?? 0) > this.#toleranceMs) this.#bad++
    if (this.#bad > TOLERATED_SHARE * Math.max(this.#count, this.#estimate)) this.#fall(now)
    else if (this.#count >= this.#estimate) this.#grow()
  }

  #fall(now: number): void {
    this.#estimate = Math.max(this.#min, this.#estimate * BACKOFF)
    this.#doubling = false
    this.#fellAt = now
    this.#startRound()
  }

  /** Where the limit is what restrains: unused, it would rise to the maximum. */
  #grow(): void {
    const step = this.#doubling ? this.#estimate : Math.max(1, Math.sqrt(this.#estimate) / 2)
    if (this.#peak > this.#estimate / 2) this.#estimate = Math.min(this.#max, this.#estimate + step)
    this.#startRound()
  }

  #startRound(): void {
    this.#count = 0
    this.#bad = 0
    this.#peak = 0
  }
}
