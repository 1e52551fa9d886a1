import { warn } from '@sluice/core/runtime'

/** Names that have series of their own; what comes after them shares one. */
const MOST_NAMES = 200

export const OTHER = '_other'

/** Names as labels: at most 200 of a kind, so that names made of keys do not make a series each. */
export class BoundedNames {
  readonly #kind: string
  readonly #names = new Set<string>()
  #isWarned = false

  constructor(kind: string) {
    this.#kind = kind
  }

  labelOf(name: string): string {
    if (this.#names.has(name)) return name
    if (this.#names.size < MOST_NAMES) {
      this.#names.add(name)
      return name
    }
    if (!this.#isWarned) {
      this.#isWarned = true
      warn(
        'SLUICE_METRICS',
        `There are more than ${MOST_NAMES} ${this.#kind}: further ones are counted as "${OTHER}". Names should not be made of keys.`,
      )
    }
    return OTHER
  }
}
