/** Of each model, so many answers are remembered. */
const REMEMBERED = 100

/** Fewer than these say nothing yet. */
const ENOUGH = 10

/** The names come from clients. */
const MOST_MODELS = 1_000

/** The last numbers of each model, and what 95 of 100 of them stay below. */
export class Observed {
  readonly #byModel = new Map<string, Numbers>()

  note(model: string, value: number): void {
    const numbers = this.#byModel.get(model) ?? { values: [], p95: 0, unseen: RENEWED_AFTER }
    this.#byModel.delete(model)
    this.#byModel.set(model, numbers)
    numbers.values.push(value)
    numbers.unseen++
    if (numbers.values.length > REMEMBERED) numbers.values.shift()
    if (this.#byModel.size <= MOST_MODELS) return
    for (const oldest of this.#byModel.keys()) {
      this.#byModel.delete(oldest)
      return
    }
  }

  /** The 95th percentile; `undefined` until there are enough. */
  p95(model: string): number | undefined {
    const numbers = this.#byModel.get(model)
    if (numbers === undefined || numbers.values.length < ENOUGH) return undefined
    if (numbers.unseen >= RENEWED_AFTER) {
      numbers.unseen = 0
      numbers.p95 = numbers.values.toSorted((a, b) => a - b)[Math.ceil(numbers.values.length * 0.95) - 1] ?? 0
    }
    return numbers.p95
  }
}

/** Answers after which the percentile is worked out anew. */
const RENEWED_AFTER = 5

interface Numbers {
  readonly values: number[]
  p95: number
  /** Numbers that it does not have yet. */
  unseen: number
}
