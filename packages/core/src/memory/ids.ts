import type { Ask } from '../decisions/ask.js'
import { admits } from '../decisions/decision.js'
import type { Once, OnceAnswer } from '../decisions/edit.js'
import type { Standing } from '../decisions/standing.js'
import { boundedKey } from '../runtime/key.js'

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

  once(asks: readonly Ask[], { scope, id, keepMs }: Once, take: () => readonly Standing[]): OnceAnswer<Standing> {
    const now = this.#clock()
    const name = nameOf(asks, scope, id)
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

  /** The id may count again. */
  forget(asks: readonly Ask[], { scope, id }: Once): void {
    this.#answers.delete(nameOf(asks, scope, id))
  }

  /** All ids of a key in a scope may count again. */
  forgetKey(scope: string, key: string): void {
    const start = startOf(scope, key)
    for (const name of this.#answers.keys()) if (name.startsWith(start)) this.#answers.delete(name)
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

/** Buckets of another sort have not counted it. No name is longer than its bucket's. */
function nameOf(asks: readonly Ask[], scope: string, id: string): string {
  const addresses = asks.map(({ policy }) => policy.address).join()
  return `${startOf(scope, asks[0]?.key ?? '')}${boundedKey(`${addresses}\n${id}`)}`
}

function startOf(scope: string, key: string): string {
  return `${JSON.stringify([scope, boundedKey(key)])} `
}
