/** Counts over the last so many slices of time, each slice in a slot of its own. */
export class RollingCount {
  readonly #counts: Float64Array
  readonly #sliceMs: number
  #slice = 0
  #total = 0

  constructor(slices: number, sliceMs: number) {
    this.#counts = new Float64Array(slices)
    this.#sliceMs = sliceMs
  }

  /** How many there were. */
  get total(): number {
    this.#forget()
    return this.#total
  }

  add(): void {
    this.#forget()
    const slot = this.#slice % this.#counts.length
    this.#counts[slot] = (this.#counts[slot] ?? 0) + 1
    this.#total += 1
  }

  #forget(): void {
    const slice = Math.floor(performance.now() / this.#sliceMs)
    for (let i = Math.min(slice - this.#slice, this.#counts.length); i > 0; i--) {
      const slot = (slice - i + 1) % this.#counts.length
      this.#total -= this.#counts[slot] ?? 0
      this.#counts[slot] = 0
    }
    this.#slice = slice
  }
}
