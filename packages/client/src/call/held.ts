import type { Decision, Limiter, Store } from '@sluice/core'
import type { Bulkhead } from '../layers/bulkhead.js'
import { ignore } from './defuse.js'

/** What an attempt holds until its response has been read: a place under `concurrency`, and slots under `limits`. */
export class Held {
  readonly #bulkhead: Bulkhead | undefined
  readonly #limiter: Limiter<Store> | undefined
  isInside = false
  decision: Decision | undefined

  constructor(bulkhead: Bulkhead | undefined, limiter: Limiter<Store> | undefined) {
    this.#bulkhead = bulkhead
    this.#limiter = limiter
  }

  /** Gives back what is held, once. */
  readonly release = (): void => {
    const { decision } = this
    this.#leave()
    if (decision !== undefined) inBackground(() => this.#limiter?.release(decision))
  }

  /** Gives back all that was taken for an attempt that was not sent. */
  undo(): void {
    const { decision } = this
    this.#leave()
    if (decision !== undefined) inBackground(() => this.#limiter?.refund(decision))
  }

  #leave(): void {
    if (this.isInside) this.#bulkhead?.leave()
    this.isInside = false
    this.decision = undefined
  }
}

/** A store that cannot be reached lets a slot expire; no call fails for it. */
function inBackground(give: () => void | Promise<void> | undefined): void {
  try {
    Promise.resolve(give()).catch(ignore)
  } catch {
    // As above.
  }
}
