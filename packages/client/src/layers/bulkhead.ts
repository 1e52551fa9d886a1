import type { Stop } from '../call/stop.js'
import { QueueFullError } from '../errors.js'

export interface BulkheadTerms {
  /** Calls at once. */
  readonly max: number
  /** Calls that wait beside that. */
  readonly queue: number
}

interface Waiter {
  readonly priority: number
  readonly arrival: number
  readonly enter: () => void
}

/** At most so many calls at once; the others wait, the highest priority first, and first come, first served among equals. */
export class Bulkhead {
  readonly #key: string
  readonly #terms: BulkheadTerms
  readonly #waiting: Waiter[] = []
  #inside = 0

  constructor(key: string, terms: BulkheadTerms) {
    this.#key = key
    this.#terms = terms
  }

  get inside(): number {
    return this.#inside
  }

  get waiting(): number {
    return this.#waiting.length
  }

  /**
   * Takes a place, at once (`undefined`) or later. Every place has to be left.
   * @param arrival whoever began first has the smaller number, also where it comes again.
   * @throws {QueueFullError} where too many wait, and the stop's reason, as a rejection, once it is aborted.
   */
  enter(priority: number, arrival: number, stop: Stop): Promise<void> | undefined {
    if (this.#inside < this.#terms.max) {
      this.#inside += 1
      return undefined
    }
    if (this.#waiting.length >= this.#terms.queue) throw new QueueFullError(this.#key)
    return new Promise((resolve, reject) => {
      const aborted = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(waiter), 1)
        reject(stop.reason)
      }
      const waiter: Waiter = {
        priority,
        arrival,
        enter() {
          stop.removeEventListener('abort', aborted)
          resolve()
        },
      }
      stop.addEventListener('abort', aborted)
      this.#insert(waiter)
    })
  }

  leave(): void {
    const next = this.#waiting.shift()
    // The place goes from one to the next.
    if (next === undefined) this.#inside -= 1
    else next.enter()
  }

  #insert(waiter: Waiter): void {
    let at = this.#waiting.length
    for (let before = this.#waiting[at - 1]; before !== undefined && goesBefore(waiter, before); ) {
      at -= 1
      before = this.#waiting[at - 1]
    }
    this.#waiting.splice(at, 0, waiter)
  }
}

function goesBefore(a: Waiter, b: Waiter): boolean {
  return a.priority > b.priority || (a.priority === b.priority && a.arrival < b.arrival)
}
