import type { MetricDefinition } from '../definitions.js'
import type { Histogram, Labels } from './histogram.js'

/** One metric with what it is at now. */
export interface Family {
  readonly definition: MetricDefinition
  readonly samples: readonly Sample[]
}

export interface Sample {
  readonly labels: Labels
  /** Of a histogram, its distribution. */
  readonly value: number | Histogram
}
