const FIRST_WIDTH_MS = 1_000

/** Counts over time, in at most so many intervals of a common width, which doubles as time goes on. */
export class Timeline {
  widthMs: number = FIRST_WIDTH_MS
  readonly #most: number
  #first = 0
  #counts: number[] = []
  /** The interval that was counted in last. */
  #place = -1
  #placeStartMs = 0

  constructor(most: number) {
    this.#most = most
  }

  add(at: number, count: number): void {
    const since = at - this.#placeStartMs
    if (this.#place < 0 || since < 0 || since >= this.widthMs) this.#goTo(at)
    this.#counts[this.#place] = (this.#counts[this.#place] ?? 0) + count
  }

  #goTo(at: number): void {
    if (this.#counts.length === 0) this.#first = Math.floor(at / this.widthMs)
    while (Math.floor(at / this.widthMs) - this.#first >= this.#most) this.#double()
    // What comes before the first interval is counted in it.
    this.#place = Math.max(0, Math.floor(at / this.widthMs) - this.#first)
    this.#placeStartMs = (this.#first + this.#place) * this.widthMs
    while (this.#counts.length <= this.#place) this.#counts.push(0)
  }

  /** The counts from an instant on, in intervals of a width that is a multiple of this one's by a power of two. */
  from(startMs: number, widthMs: number, count: number): readonly number[] {
    const counts = new Array<number>(count).fill(0)
    for (const [i, own] of this.#counts.entries()) {
      const place = Math.floor(((this.#first + i) * this.widthMs - startMs) / widthMs)
      if (place >= 0 && place < count) counts[place] = (counts[place] ?? 0) + own
    }
    return counts
  }

  /** Where the first interval begins, in Unix milliseconds. */
  get startMs(): number {
    return this.#first * this.widthMs
  }

  get length(): number {
    return this.#counts.length
  }

  #double(): void {
    const first = Math.floor(this.#first / 2)
    const counts: number[] = []
    for (const [i, count] of this.#counts.entries()) {
      const place = Math.floor((this.#first + i) / 2) - first
      counts[place] = (counts[place] ?? 0) + count
    }
    this.#first = first
    this.#counts = counts
    this.widthMs *= 2
  }
}

/** Counts summed up in at most so many parts of equal length. */
export function inParts(counts: readonly number[], parts: number): readonly number[] {
  if (counts.length <= parts) return counts
  const sums = new Array<number>(parts).fill(0)
  for (const [i, count] of counts.entries()) {
    const part = Math.floor((i * parts) / counts.length)
    sums[part] = (sums[part] ?? 0) + count
  }
  return sums
}
