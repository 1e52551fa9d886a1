import type { Family, Sample } from '../counts/family.js'
import type { Labels } from '../counts/histogram.js'
import type { MetricDefinition } from '../definitions.js'
import { oncePerJob } from './once-per-job.js'

/** The part of a registry of prom-client that is used. */
export interface PromRegistry {
  registerMetric(metric: never): void
  removeSingleMetric(name: string): void
}

interface PromValue {
  readonly labels: Readonly<Record<string, string | number>>
  readonly value: number
  readonly metricName?: string
}

/** Stands among the metrics of a registry of prom-client, which asks it for its values at each scrape. */
class PromMetric {
  readonly name: string
  readonly help: string
  readonly type: MetricDefinition['type']
  /** How a cluster's workers are added up. */
  readonly aggregator: 'sum' | 'max'
  readonly #family: () => Family | undefined

  constructor({ prometheus, help, type, adds = false }: MetricDefinition, family: () => Family | undefined) {
    this.name = prometheus
    this.help = help
    this.type = type
    this.aggregator = type === 'gauge' && !adds ? 'max' : 'sum'
    this.#family = family
  }

  async get(): Promise<object> {
    const { name, help, type, aggregator } = this
    const samples = this.#family()?.samples ?? []
    return { name, help, type, aggregator, values: samples.flatMap((sample) => valuesOf(name, sample)) }
  }

  /** What is counted here is not the registry's to forget. */
  reset(): void {}
}

function valuesOf(name: string, { labels, value }: Sample): readonly PromValue[] {
  if (typeof value === 'number') return [{ labels, value }]
  let sum = 0
  const buckets = Array.from(value.counts, (count, i): PromValue => {
    sum += count
    return { metricName: `${name}_bucket`, labels: { le: value.bounds[i] ?? '+Inf', ...labels }, value: sum }
  })
  const plain: Labels = labels
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels: plain, value: value.sum },
    { metricName: `${name}_count`, labels: plain, value: sum },
  ]
}

/** Adds every metric to a registry; returns a function that removes them. One collection serves a whole scrape. */
export function registerAll(
  registry: PromRegistry,
  definitions: readonly MetricDefinition[],
  collect: () => readonly Family[],
): () => void {
  const current = oncePerJob(collect)
  const added: string[] = []
  const remove = (): void => {
    for (const name of added.splice(0)) registry.removeSingleMetric(name)
  }
  try {
    for (const definition of definitions) {
      registry.registerMetric(new PromMetric(definition, () => current(definition)) as never)
      added.push(definition.prometheus)
    }
  } catch (error) {
    // A name that is taken: all or nothing.
    remove()
    throw error
  }
  return remove
}
