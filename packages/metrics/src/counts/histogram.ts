import type { MetricDefinition } from '../definitions.js'

/** How values were distributed: counts by upper bound, and their sum. */
export class Histogram {
  readonly bounds: readonly number[]
  /** By bucket, not cumulative; the last has what is above all bounds. */
  readonly counts: Float64Array
  sum = 0
  /** Learns of each value, where somebody records them elsewhere too. */
  readonly #family: HistogramFamily
  readonly labels: Labels

  constructor(family: HistogramFamily, labels: Labels) {
    this.bounds = family.bounds
    this.counts = new Float64Array(family.bounds.length + 1)
    this.#family = family
    this.labels = labels
  }

  /** @param weight how many values this one stands for. */
  record(value: number, weight: number = 1): void {
    const { bounds, counts } = this
    let at = 0
    while (at < bounds.length && value > (bounds[at] as number)) at += 1
    counts[at] = (counts[at] ?? 0) + weight
    this.sum += value * weight
    if (this.#family.recorders.length > 0) this.#tell(value, weight)
  }

  /** As often as it stands for, so that what is counted elsewhere is the same. */
  #tell(value: number, weight: number): void {
    for (const recorder of this.#family.recorders) for (let i = 0; i < weight; i++) recorder(value, this.labels)
  }
}

export type Labels = Readonly<Record<string, string>>

/** The histograms of one metric, by their labels, which a caller gives in one order. */
export class HistogramFamily {
  readonly bounds: readonly number[]
  readonly recorders: ((value: number, labels: Labels) => void)[] = []
  readonly #all = new Map<string, Histogram>()

  constructor({ buckets = [] }: MetricDefinition) {
    this.bounds = buckets
  }

  /** The one with these labels: whoever records often keeps it. */
  of(labels: Labels): Histogram {
    const id = Object.values(labels).join('\0')
    let histogram = this.#all.get(id)
    if (histogram === undefined) {
      histogram = new Histogram(this, labels)
      this.#all.set(id, histogram)
    }
    return histogram
  }

  samples(): readonly { readonly labels: Labels; readonly value: Histogram }[] {
    return Array.from(this.#all.values(), (value) => ({ labels: value.labels, value }))
  }
}
