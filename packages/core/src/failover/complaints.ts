import { describe, isStoreError } from '../errors.js'

const AGAIN_AFTER_MS = 60_000
const MOST = 1_000

/** What was complained of: the same is worth a word once a minute. */
export class Complaints {
  readonly #at = new Map<string, number>()

  /** Whether it has not been complained of for a minute; from now on it has. */
  isNew(error: unknown): boolean {
    const about = isStoreError(error) ? (error.bucket ?? error.message) : describe(error)
    const now = performance.now()
    if (now - (this.#at.get(about) ?? Number.NEGATIVE_INFINITY) < AGAIN_AFTER_MS) return false
    if (this.#at.size >= MOST) this.#at.clear()
    this.#at.set(about, now)
    return true
  }
}
