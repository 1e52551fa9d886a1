/** A coarse clock says 0; ratios of latencies need a number. */
const SHORTEST_MS = 0.001

/** Requests that completed one after the other, as a few sums, and the most that were in progress meanwhile. */
export class LatencyWindow {
  /** Requests that complete before do not count. */
  #opensAt = Number.NEGATIVE_INFINITY
  #peak = 0
  #denied = false
  #succeeded = 0
  #sumMs = 0
  #sumOfSquares = 0
  #failed = 0
  #failedMs = 0

  /** The most that were in progress at once. */
  get peak(): number {
    return this.#peak
  }

  /** Whether a request was denied. */
  get denied(): boolean {
    return this.#denied
  }

  get count(): number {
    return this.#succeeded + this.#failed
  }

  /**
   * Time in progress for each success. The time of failures is charged to the successes, a failure's at least at what a
   * success took: a server that fails at once is not a fast one.
   */
  get meanMs(): number {
    if (this.#succeeded === 0) return Number.POSITIVE_INFINITY
    const failedMs = Math.max(this.#failedMs, (this.#failed * this.#sumMs) / this.#succeeded)
    return (this.#sumMs + failedMs) / this.#succeeded
  }

  /** The variance of one success, as a multiple of the squared mean. */
  get relativeVariance(): number {
    if (this.#sumMs === 0) return 0
    return Math.max(0, (this.#sumOfSquares * this.#succeeded) / this.#sumMs ** 2 - 1)
  }

  add(now: number, durationMs: number | undefined, failed: boolean, inFlight: number, denied: boolean): void {
    if (now < this.#opensAt) return
    if (this.count === 0) {
      this.#opensAt = now
      this.#peak = 0
      this.#denied = false
    }
    this.#peak = Math.max(this.#peak, inFlight)
    this.#denied ||= denied
    if (failed) {
      this.#failed++
      this.#failedMs += durationMs ?? 0
    } else if (durationMs !== undefined) {
      const tookMs = Math.max(durationMs, SHORTEST_MS)
      this.#succeeded++
      this.#sumMs += tookMs
      this.#sumOfSquares += tookMs * tookMs
    }
  }

  /** Whether there are so many samples, over at least so long and over so many mean durations. */
  isComplete(now: number, samples: number, forMs: number, durations: number): boolean {
    if (this.count < samples) return false
    const durationMs = (this.#sumMs + this.#failedMs) / this.count
    return now - this.#opensAt >= Math.max(forMs, durations * durationMs)
  }

  restart(opensAt: number): void {
    this.#opensAt = opensAt
    this.#succeeded = 0
    this.#sumMs = 0
    this.#sumOfSquares = 0
    this.#failed = 0
    this.#failedMs = 0
  }

  setClockBack(byMs: number): void {
    this.#opensAt -= byMs
  }
}
