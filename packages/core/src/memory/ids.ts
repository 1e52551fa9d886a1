import { admits } from '../decisions/decision.js'
import type { Once, OnceAnswer } from '../decisions/edit.js'
import type { Standing } from '../decisions/standing.js'

/** Ids remembered at the most. */
const MOST_IDS = 100_000

interface Answered {
  readonly standings: readonly Standing[]
  readonly until: number
}

/** What takes with an id were answered. The oldest is forgotten first. */
export class Ids {
  readonly #clock: () => number
  readonly #answers = new Map<string, Answered>()

  constructor(clock: () => number) {
    this.#clock = clock
  }

  once(key: string, { scope, id, keepMs }: Once, take: () => readonly Standing[]): OnceAnswer<Standing> {
    const now = this.#clock()
    const name = JSON.stringify([scope, key, id])
    const earlier = this.#answers.get(name)
    if (earlier !== undefined && earlier.until > now) return { standings: earlier.standings, repeated: true }
    const standings = take()
    if (admits(standings)) {
      this.#answers.delete(name)
      this.#answers.set(name, { standings, until: now + keepMs })
      this.#forget(now)
    }
    return { standings, repeated: false }
  }

  clear(): void {
    this.#answers.clear()
  }

  /** A few at a time, from the oldest on. */
  #forget(now: number): void {
    let left = 8
    for (const [name, { until }] of this.#answers) {
      if (left === 0 || (until > now && this.#answers.size <= MOST_IDS)) return
      this.#answers.delete(name)
      left -= 1
    }
  }
}
