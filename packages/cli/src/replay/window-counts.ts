/** Parts in which a window is counted. */
export const PARTS = 10

/** Where the numbers of a row stand; its parts follow. 64 bytes in all, unless they are weighted: a line of a processor's cache. */
const LAST_PART = 0
const SUM = 1
const PEAK = 2
const WHOLE = 3
const FIRST = 4
const REQUESTS = FIRST + PARTS
const CELLS = 16

/**
 * The most units of each key in any window, counted in tenths of it: at most a tenth of a window too little, never too much. One
 * array of numbers for all keys, since an object for each would cost more than a decision.
 */
export class WindowCounts {
  #cells: Int32Array | Float64Array
  /** Parts are numbered from the first one, so that they fit. */
  #firstPart = -1

  /** `isWeighted`: sums may be larger than 2^31, as those of bytes. */
  constructor(isWeighted = false) {
    this.#cells = isWeighted ? new Float64Array(256 * CELLS) : new Int32Array(256 * CELLS)
  }

  /**
   * Returns the units of an aligned window that has ended, 0 where none has.
   * @param part The number of the tenth of a window, counted from 1970.
   */
  add(place: number, part: number, units: number): number {
    const base = place * CELLS
    while (base >= this.#cells.length) this.#grow()
    if (this.#firstPart < 0) this.#firstPart = part - (part % PARTS)
    const cells = this.#cells
    const own = part - this.#firstPart + PARTS
    const ended = own === cells[base + LAST_PART] ? 0 : this.#goTo(base, own)
    const at = base + FIRST + (own % PARTS)
    cells[at] = (cells[at] ?? 0) + units
    cells[base + WHOLE] = (cells[base + WHOLE] ?? 0) + units
    cells[base + REQUESTS] = (cells[base + REQUESTS] ?? 0) + 1
    const sum = (cells[base + SUM] ?? 0) + units
    cells[base + SUM] = sum
    if (sum > (cells[base + PEAK] ?? 0)) cells[base + PEAK] = sum
    return ended
  }

  /** The keys that have been counted. */
  *places(): Generator<number> {
    for (let place = 0; place * CELLS < this.#cells.length; place++) if (this.requestsOf(place) > 0) yield place
  }

  requestsOf(place: number): number {
    return this.#cells[place * CELLS + REQUESTS] ?? 0
  }

  /** Units of a key in the aligned window that began last. */
  lastOf(place: number): number {
    return this.#cells[place * CELLS + WHOLE] ?? 0
  }

  peakOf(place: number): number {
    return this.#cells[place * CELLS + PEAK] ?? 0
  }

  /** Counts of one key go on from those of another table, which counts the same windows. */
  copy(place: number, from: WindowCounts, fromPlace: number): void {
    while (place * CELLS >= this.#cells.length) this.#grow()
    this.#firstPart = from.#firstPart
    this.#cells.set(from.#cells.subarray(fromPlace * CELLS, (fromPlace + 1) * CELLS), place * CELLS)
  }

  /** Forgets the parts that are older than a window. */
  #goTo(base: number, part: number): number {
    const cells = this.#cells
    const last = cells[base + LAST_PART] ?? 0
    if (part - last >= PARTS) {
      for (let at = base + FIRST; at < base + FIRST + PARTS; at++) cells[at] = 0
      cells[base + SUM] = 0
    } else {
      for (let old = last + 1; old <= part; old++) {
        const at = base + FIRST + (old % PARTS)
        cells[base + SUM] = (cells[base + SUM] ?? 0) - (cells[at] ?? 0)
        cells[at] = 0
      }
    }
    cells[base + LAST_PART] = part
    if (Math.floor(last / PARTS) === Math.floor(part / PARTS)) return 0
    const ended = cells[base + WHOLE] ?? 0
    cells[base + WHOLE] = 0
    return ended
  }

  #grow(): void {
    const { length } = this.#cells
    const cells = this.#cells instanceof Int32Array ? new Int32Array(length * 2) : new Float64Array(length * 2)
    cells.set(this.#cells)
    this.#cells = cells
  }
}
