/** Whoever observes one thing: a limit's decisions, or a store. */
export class Observed<One extends object> {
  /** Each of them once. */
  all: readonly One[] = []
  readonly #added: One[] = []
  readonly #failed: (error: unknown) => void

  constructor(failed: (error: unknown) => void) {
    this.#failed = failed
  }

  /** Whether there is anybody: where there is not, nothing has to be measured. */
  get isWatched(): boolean {
    return this.all.length > 0
  }

  /** Returns a function that removes it. What is added twice is called once, until it has been removed twice. */
  add(one: One): () => void {
    this.#added.push(one)
    this.all = [...new Set(this.#added)]
    let isIn = true
    return () => {
      if (!isIn) return
      isIn = false
      this.#added.splice(this.#added.indexOf(one), 1)
      this.all = [...new Set(this.#added)]
    }
  }

  /** Calls each of them. What one throws is reported, and harms neither the others nor a request. */
  each(call: (one: One) => void): void {
    for (const one of this.all) {
      try {
        call(one)
      } catch (error) {
        this.#failed(error)
      }
    }
  }

  /** As `each` reports it. */
  failed(error: unknown): void {
    this.#failed(error)
  }
}
