import type { Observable } from '@sluice/core/observe'
import { type DecisionRow, rowOf } from './decision-row.js'

/** Denials of a limit that are kept. */
const KEPT = 20
const MOST_LIMITS = 200

/** The last denials of each limit in this process: at most ten a second are looked at, so that a flood costs nothing. */
export class RecentDenials {
  readonly #byLimit = new Map<string, DecisionRow[]>()
  #second = -1
  #left = 0

  observe(observable: Observable): () => void {
    return observable.observe({
      denied: (limit, decision, request) => {
        if (!this.#mayNote()) return
        const list = this.#byLimit.get(limit) ?? []
        if (list.length === 0 && this.#byLimit.size >= MOST_LIMITS) return
        this.#byLimit.set(limit, list)
        list.unshift(rowOf(decision, observable, request))
        if (list.length > KEPT) list.pop()
      },
    })
  }

  of(limit: string): readonly DecisionRow[] {
    return this.#byLimit.get(limit) ?? []
  }

  #mayNote(): boolean {
    if (this.#left > 0) {
      this.#left -= 1
      return true
    }
    const second = Math.floor(performance.now() / 1_000)
    if (second === this.#second) return false
    this.#second = second
    this.#left = 9
    return true
  }
}
