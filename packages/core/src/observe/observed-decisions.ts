import type { Decision } from '../decisions/decision.js'
import { Observed } from './observed.js'
import type { Observer } from './observer.js'

/** So many decisions a second are measured; beyond that one in so many. */
const MEASURED = 1_000
const MEASURED_EACH = 64

/** Whoever observes the decisions of one `sluice()`, or of one limiter. */
export class ObservedDecisions {
  readonly #observed: Observed<Observer>
  /** Those that want every decision: it is for them that decisions are measured. */
  #deciding: readonly Observer[] = []
  #left = MEASURED
  #since = 0
  #skip = 0

  constructor(failed: (error: unknown) => void) {
    this.#observed = new Observed(failed)
  }

  get isWatched(): boolean {
    return this.#observed.isWatched
  }

  add(observer: Observer): () => void {
    const remove = this.#observed.add(observer)
    this.#sort()
    return () => {
      remove()
      this.#sort()
    }
  }

  #sort(): void {
    this.#deciding = this.#observed.all.filter(({ decided }) => decided !== undefined)
  }

  each(call: (observer: Observer) => void): void {
    this.#observed.each(call)
  }

  /** When a decision begins that is to be measured; 0 for all others. */
  began(): number {
    if (this.#deciding.length === 0) return 0
    if (this.#left > 0) this.#left -= 1
    else if (this.#skip > 0) {
      this.#skip -= 1
      return 0
    } else this.#skip = MEASURED_EACH - 1
    const now = performance.now()
    if (now - this.#since >= 1_000) {
      this.#since = now
      this.#left = MEASURED
    }
    return now
  }

  /** `each` without a closure: it is called for each decision. */
  decided(limit: string, decision: Decision, request: unknown, began: number): void {
    const deciding = this.#deciding
    const tookMs = began === 0 ? undefined : performance.now() - began
    for (let i = 0; i < deciding.length; i++) {
      try {
        deciding[i]?.decided?.(limit, decision, request, tookMs)
      } catch (error) {
        this.#observed.failed(error)
      }
    }
    if (!decision.allowed) this.each((one) => one.denied?.(limit, decision, request))
  }
}
