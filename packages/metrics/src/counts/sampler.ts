/** So many a second are counted one by one; beyond that one in so many stands for all. */
const EXACT = 2_000
const EACH = 64

/** What costs more than a counter is done for each while they are few, and for some that stand for all while they are many. */
export class Sampler {
  #left = EXACT
  #count = 0
  #since = 0

  /** How many this one stands for; 0 where it need not be looked at. */
  weight(): number {
    if (this.#left > 0) {
      this.#left -= 1
      return 1
    }
    this.#count += 1
    if (this.#count < EACH) return 0
    // Not each sixty-fourth: requests may come in a rhythm.
    this.#count = EACH - 1 - Math.floor(Math.random() * (2 * EACH - 1))
    const now = performance.now()
    if (now - this.#since >= 1_000) {
      this.#since = now
      this.#left = EXACT
    }
    return EACH
  }
}
