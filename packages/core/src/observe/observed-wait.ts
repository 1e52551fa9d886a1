import type { Ask } from '../decisions/ask.js'
import { waitsFor } from '../limiter/waiting.js'
import type { ObservedDecisions } from './observed-decisions.js'
import type { WaitResult } from './observer.js'

/** A wait in a line, from its beginning on; nothing where nobody observes. */
export class ObservedWait {
  readonly #limit: { readonly name: string; readonly observers: ObservedDecisions }
  readonly #asks: readonly Ask[]
  #since: number

  constructor(limit: { readonly name: string; readonly observers: ObservedDecisions }, asks: readonly Ask[]) {
    this.#limit = limit
    this.#asks = asks
    this.#since = limit.observers.isWatched ? performance.now() : 0
  }

  /** Once, however often it is called. */
  end(result: WaitResult): void {
    if (this.#since === 0) return
    const policy = waitsFor(this.#asks)
    const waitedMs = performance.now() - this.#since
    this.#since = 0
    const { name, observers } = this.#limit
    if (policy !== undefined) observers.each((one) => one.waited?.(name, policy, waitedMs, result))
  }
}
