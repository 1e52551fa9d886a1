import type { LatencyWindow } from './latency-window.js'

/** Older samples fade once there are so many. */
const MEMORY = 200
/** Standard errors by which a window must differ to count as a change of the service, not as chance. */
const SURPRISE = 3
/** The relative variance that is assumed at first, that of exponential times, with the weight of so many samples. */
const FIRST_VARIANCE = 1
const FIRST_VARIANCE_WEIGHT = 20
/** Relative; a service of constant latency would otherwise change with each rounding error. */
const LEAST_ERROR = 0.02

/** The mean latency of requests that wait for no other. */
export class Baseline {
  #meanMs = 0
  #relativeVariance = FIRST_VARIANCE
  #weight = 0

  get known(): boolean {
    return this.#weight > 0
  }

  get meanMs(): number {
    return this.#meanMs
  }

  get relativeVariance(): number {
    return this.#relativeVariance
  }

  /** The samples it stands on, up to 200. */
  get weight(): number {
    return this.#weight
  }

  /** From a window in which no request waited for another: averaged with what is known, or instead of it after a change. */
  learn(window: LatencyWindow): void {
    if (!Number.isFinite(window.meanMs)) return
    if (Math.abs(this.#standardErrors(window)) > SURPRISE) this.#weight = 0
    const { count } = window
    const weight = this.#weight + count
    this.#meanMs += ((window.meanMs - this.#meanMs) * count) / weight
    this.#relativeVariance +=
      ((window.relativeVariance - this.#relativeVariance) * count) / (weight + FIRST_VARIANCE_WEIGHT)
    this.#weight = Math.min(weight, MEMORY)
  }

  /**
   * From any window: requests that wait are not faster for it, so the baseline is at most the window's mean.
   * @returns Whether the window replaced what was known.
   */
  lower(window: LatencyWindow): boolean {
    const isLower = !this.known || this.#standardErrors(window) < -SURPRISE
    if (isLower) this.replace(window)
    return isLower
  }

  replace(window: LatencyWindow): void {
    if (!Number.isFinite(window.meanMs)) return
    this.#weight = 0
    this.learn(window)
  }

  /** By which the window's mean is above this one. */
  #standardErrors(window: LatencyWindow): number {
    if (!this.known) return 0
    const relativeError = Math.sqrt(this.#relativeVariance * (1 / window.count + 1 / this.#weight))
    return (window.meanMs / this.#meanMs - 1) / Math.max(relativeError, LEAST_ERROR)
  }
}
