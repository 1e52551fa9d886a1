import type { Ask } from '../decisions/ask.js'
import { fullOf, type Standing, unitsAt } from '../decisions/standing.js'

/** Shares that were told of: the keys come from clients. */
const MOST = 10_000

/**
 * Which shares a key has used, where requests reserve more than they use: a reservation that is given back has crossed nothing. Each
 * share is told of once, until less than that is used.
 */
export class SettledWarnings {
  readonly #told = new Set<string>()

  /** The shares that are used now and were not before; `reserved` units are not used yet. */
  crossed({ policy, key }: Ask, standing: Standing, reserved: number): readonly number[] {
    const used = standing.used - reserved
    const full = fullOf(standing)
    return policy.warnAt.filter((share) => {
      const id = JSON.stringify([policy.address, key, share])
      if (used < unitsAt(share, full)) {
        this.#told.delete(id)
        return false
      }
      if (this.#told.has(id)) return false
      this.#told.add(id)
      if (this.#told.size > MOST)
        for (const oldest of this.#told) {
          this.#told.delete(oldest)
          break
        }
      return true
    })
  }
}
