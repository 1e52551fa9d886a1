interface Entry {
  readonly key: string
  count: number
  /** How much of the count may belong to keys that were here before, or is supposed from a sample. */
  error: number
  /** What it is ordered by: its count when the heap was last put in order around it. */
  rank: number
}

/** A key, and about how much it has. */
export interface HeavyKey {
  readonly key: string
  /** Never less than it really has. */
  readonly count: number
  /** How much too high the count can be. */
  readonly error: number
}

/**
 * The heaviest keys of a stream in bounded memory: Space-Saving (Metwally, Agrawal and El Abbadi, 2005). A key that has more than a
 * 1/size-th of all is always among them. A new key takes the place, and the count, of the lightest one.
 */
export class SpaceSaving {
  readonly #size: number
  readonly #entries = new Map<string, Entry>()
  /** The lightest first, by rank: a count that has grown since is put in its place when it comes to be the first. */
  readonly #heap: Entry[] = []

  constructor(size: number) {
    this.#size = size
  }

  /** @param error how much of the weight is supposed. */
  add(key: string, weight: number, error: number = 0): void {
    const known = this.#entries.get(key)
    if (known !== undefined) {
      known.count += weight
      known.error += error
    } else if (this.#heap.length < this.#size) this.#insert({ key, count: weight, error, rank: weight })
    else this.#replace(key, weight, error)
  }

  /** The heaviest, in order. */
  top(most: number): readonly HeavyKey[] {
    return [...this.#entries.values()]
      .sort((a, b) => b.count - a.count)
      .slice(0, most)
      .map(({ key, count, error }) => ({ key, count, error }))
  }

  #insert(entry: Entry): void {
    this.#entries.set(entry.key, entry)
    this.#heap.push(entry)
    let at = this.#heap.length - 1
    while (at > 0) {
      const above = (at - 1) >> 1
      if (this.#rankAt(above) <= entry.rank) break
      this.#swap(at, above)
      at = above
    }
  }

  #replace(key: string, weight: number, error: number): void {
    const lightest = this.#lightest()
    this.#entries.delete(lightest.key)
    const count = lightest.count + weight
    const entry = { key, count, error: lightest.count + error, rank: count }
    this.#entries.set(key, entry)
    this.#heap[0] = entry
    this.#sink()
  }

  #lightest(): Entry {
    for (;;) {
      const first = this.#heap[0] as Entry
      if (first.rank === first.count) return first
      first.rank = first.count
      this.#sink()
    }
  }

  #sink(): void {
    let at = 0
    for (;;) {
      const left = 2 * at + 1
      if (left >= this.#heap.length) return
      const right = left + 1
      const lighter = right < this.#heap.length && this.#rankAt(right) < this.#rankAt(left) ? right : left
      if (this.#rankAt(at) <= this.#rankAt(lighter)) return
      this.#swap(at, lighter)
      at = lighter
    }
  }

  #rankAt(at: number): number {
    return (this.#heap[at] as Entry).rank
  }

  #swap(a: number, b: number): void {
    const entry = this.#heap[a] as Entry
    this.#heap[a] = this.#heap[b] as Entry
    this.#heap[b] = entry
  }
}
