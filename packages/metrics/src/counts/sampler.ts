/** So many a second are counted one by one; beyond that one in so many stands for all. */
const EXACT = 2_000
const EACH = 128

/** What costs more than a counter is done for each while they are few, and for some that stand for all while they are many. */
export class Sampler {
  #left = EXACT
  #skip = 0
  #timer: ReturnType<typeof setTimeout> | undefined

  /** How many this one stands for; 0 where it need not be looked at. */
  weight(): number {
    if (this.#left > 0) {
      this.#left -= 1
      return 1
    }
    if (this.#skip > 0) {
      this.#skip -= 1
      return 0
    }
    // Not at regular intervals: requests may come in a rhythm.
    this.#skip = Math.floor(Math.random() * (2 * EACH - 1))
    this.#refillLater()
    return EACH
  }

  /** A timer, since reading the clock costs more than all the rest. */
  #refillLater(): void {
    if (this.#timer !== undefined) return
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#left = EXACT
    }, 1_000)
    this.#timer.unref()
  }
}
