import type { Sample } from './family.js'
import type { Labels } from './histogram.js'

/** Counters by their labels, which a caller gives in one order. */
export class Tallies {
  readonly #all = new Map<string, { readonly labels: Labels; count: number }>()

  add(labels: Labels): void {
    const id = Object.values(labels).join('\0')
    const known = this.#all.get(id)
    if (known !== undefined) known.count += 1
    else this.#all.set(id, { labels, count: 1 })
  }

  samples(): readonly Sample[] {
    return Array.from(this.#all.values(), ({ labels, count }) => ({ labels, value: count }))
  }
}
