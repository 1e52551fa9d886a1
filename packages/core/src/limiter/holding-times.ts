/** How much a new time weighs in the mean. */
const WEIGHT = 0.1

/** Buckets of which a mean is kept at the most. */
const MOST = 1_000

/** How long slots are held on the average, by the address of their policy. */
export class HoldingTimes {
  readonly #means = new Map<string, number>()

  note(address: string, ms: number): void {
    const mean = this.#means.get(address)
    if (mean === undefined && this.#means.size >= MOST) this.#means.clear()
    this.#means.set(address, mean === undefined ? ms : mean + WEIGHT * (ms - mean))
  }

  /** `undefined` where none has been released yet. */
  meanOf(address: string): number | undefined {
    return this.#means.get(address)
  }
}
