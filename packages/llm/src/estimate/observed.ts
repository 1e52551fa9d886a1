/** Of each model, so many answers are remembered. */
const REMEMBERED = 100

/** Fewer than these say nothing yet. */
const ENOUGH = 10

/** The names come from clients. */
const MOST_MODELS = 1_000

/** The last numbers of each model, and what 95 of 100 of them stay below. */
export class Observed {
  readonly #byModel = new Map<string, number[]>()

  note(model: string, value: number): void {
    const values = this.#byModel.get(model) ?? []
    this.#byModel.delete(model)
    this.#byModel.set(model, values)
    values.push(value)
    if (values.length > REMEMBERED) values.shift()
    if (this.#byModel.size <= MOST_MODELS) return
    for (const oldest of this.#byModel.keys()) {
      this.#byModel.delete(oldest)
      return
    }
  }

  /** The 95th percentile; `undefined` until there are enough. */
  p95(model: string): number | undefined {
    const values = this.#byModel.get(model)
    if (values === undefined || values.length < ENOUGH) return undefined
    const sorted = values.toSorted((a, b) => a - b)
    return sorted[Math.ceil(sorted.length * 0.95) - 1]
  }
}
