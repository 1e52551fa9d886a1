import type { StoreStats } from '@sluice/core'
import type { Observable, StoreFault, StoreObserver, StoreOperation } from '@sluice/core/observe'
import { METRICS } from '../definitions.js'
import { BoundedNames } from './bounded-names.js'
import type { Family, Sample } from './family.js'
import { type Histogram, HistogramFamily } from './histogram.js'
import { Tallies } from './tallies.js'

/** How one store answers. */
export class StoreCounts implements StoreObserver {
  readonly label: string
  readonly #source: Observable
  readonly #family: HistogramFamily
  readonly #durations = new Map<StoreOperation, Histogram>()
  readonly #errors: Tallies

  constructor(label: string, source: Observable, family: HistogramFamily, errors: Tallies) {
    this.label = label
    this.#source = source
    this.#family = family
    this.#errors = errors
  }

  answered(operation: StoreOperation, tookMs: number): void {
    let histogram = this.#durations.get(operation)
    if (histogram === undefined) {
      histogram = this.#family.of({ store: this.label, operation })
      this.#durations.set(operation, histogram)
    }
    histogram.record(tookMs / 1_000)
  }

  failed(operation: StoreOperation, fault: StoreFault): void {
    this.#errors.add({ store: this.label, operation, error_type: fault })
  }

  /** What the store counts itself; nothing of a number that it does not have. */
  stat(name: keyof StoreStats): readonly Sample[] {
    const value = this.#source.store.stats?.()[name]
    return value === undefined ? [] : [{ labels: { store: this.label }, value }]
  }

  degraded(): Sample {
    return { labels: { store: this.label }, value: this.#source.isDegraded ? 1 : 0 }
  }
}

/** All stores that limits were observed on, each once. */
export class StoresObserver {
  readonly durations: HistogramFamily = new HistogramFamily(METRICS.storeDuration)
  readonly #errors = new Tallies()
  readonly #stores = new Map<object, StoreCounts>()
  readonly #uses = new Map<object, number>()
  readonly #names = new BoundedNames('stores')

  /** One more that is observed on this store; `leave` when it is not any more. */
  enter(source: Observable): StoreCounts {
    this.#uses.set(source.store, (this.#uses.get(source.store) ?? 0) + 1)
    let counts = this.#stores.get(source.store)
    if (counts === undefined) {
      const name = source.store.url ?? 'memory'
      const label = Array.from(this.#stores.values()).some((other) => other.label === name)
        ? `${name} #${this.#stores.size + 1}`
        : name
      counts = new StoreCounts(this.#names.labelOf(label), source, this.durations, this.#errors)
      this.#stores.set(source.store, counts)
    }
    return counts
  }

  leave({ store }: Observable): void {
    const uses = (this.#uses.get(store) ?? 1) - 1
    this.#uses.set(store, uses)
    if (uses > 0) return
    this.#uses.delete(store)
    this.#stores.delete(store)
  }

  families(): readonly Family[] {
    const stores = [...this.#stores.values()]
    const stat = (name: keyof StoreStats): readonly Sample[] => stores.flatMap((store) => store.stat(name))
    return [
      { definition: METRICS.storeDuration, samples: this.durations.samples() },
      { definition: METRICS.storeErrors, samples: this.#errors.samples() },
      { definition: METRICS.storeRoundTrips, samples: stat('roundTrips') },
      { definition: METRICS.rememberedDenials, samples: stat('rememberedDenials') },
      { definition: METRICS.storeDegraded, samples: stores.map((store) => store.degraded()) },
      { definition: METRICS.storeEntries, samples: stat('buckets') },
      { definition: METRICS.storeEvictions, samples: stat('evictions') },
    ]
  }
}
