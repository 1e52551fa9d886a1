/** A step on the way to what is remembered. */
class Step<T> {
  readonly next: Map<unknown, Step<T>> = new Map()
  value: T | undefined
}

/** Values by the parts of their key: no key has to be written out to be found. At the most so many; then all are forgotten. */
export class Remembered<T> {
  readonly #most: number
  #root = new Step<T>()
  #size = 0

  constructor(most: number) {
    this.#most = most
  }

  get(parts: readonly unknown[], make: () => T): T {
    const known = this.#find(parts)
    if (known !== undefined) return known
    const value = make()
    if (this.#size >= this.#most) {
      this.#root = new Step()
      this.#size = 0
    }
    let step = this.#root
    for (const part of parts) {
      const next = step.next.get(part) ?? new Step<T>()
      step.next.set(part, next)
      step = next
    }
    step.value = value
    this.#size += 1
    return value
  }

  #find(parts: readonly unknown[]): T | undefined {
    let step: Step<T> | undefined = this.#root
    for (let i = 0; i < parts.length && step !== undefined; i++) step = step.next.get(parts[i])
    return step?.value
  }
}
