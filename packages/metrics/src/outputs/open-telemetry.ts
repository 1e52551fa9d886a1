import type { Decision } from '@sluice/core'
import type { Family } from '../counts/family.js'
import type { HistogramFamily, Labels } from '../counts/histogram.js'
import { resultOf } from '../counts/result.js'
import type { MetricDefinition } from '../definitions.js'
import { oncePerJob } from './once-per-job.js'

interface InstrumentOptions {
  readonly description: string
  readonly unit: string
  readonly advice?: { readonly explicitBucketBoundaries: number[] }
}

type ObservableCallback = (result: { observe(value: number, attributes: Record<string, string>): void }) => void

interface ObservableLike {
  addCallback(callback: ObservableCallback): void
  removeCallback(callback: ObservableCallback): void
}

/** The part of a `Meter` of `@opentelemetry/api` that is used. */
export interface MeterLike {
  createHistogram(
    name: string,
    options: InstrumentOptions,
  ): { record(value: number, attributes: Record<string, string>): void }
  createObservableCounter(name: string, options: InstrumentOptions): ObservableLike
  createObservableGauge(name: string, options: InstrumentOptions): ObservableLike
}

/** The part of `trace` of `@opentelemetry/api` that is used. */
export interface TraceLike {
  getActiveSpan(): { setAttributes(attributes: Record<string, string | number>): unknown } | undefined
}

/**
 * Counters and gauges are observed when the meter collects; of histograms, each value is recorded as it comes.
 * Returns a function that stops it.
 */
export function observeWith(
  meter: MeterLike,
  definitions: readonly MetricDefinition[],
  histograms: ReadonlyMap<MetricDefinition, HistogramFamily>,
  collect: () => readonly Family[],
): () => void {
  const current = oncePerJob(collect)
  const stops = definitions.map((definition) => {
    const { name, type, unit, help, buckets } = definition
    const options = { description: help, unit }
    const family = histograms.get(definition)
    if (family !== undefined && buckets !== undefined) {
      const histogram = meter.createHistogram(name, { ...options, advice: { explicitBucketBoundaries: [...buckets] } })
      const recorder = (value: number, labels: Labels): void => histogram.record(value, labels)
      family.recorders.push(recorder)
      return () => family.recorders.splice(family.recorders.indexOf(recorder), 1)
    }
    const isCounter = type === 'counter'
    const instrument = isCounter
      ? meter.createObservableCounter(name, options)
      : meter.createObservableGauge(name, options)
    const callback: ObservableCallback = (result) => {
      for (const { labels, value } of current(definition)?.samples ?? []) {
        if (typeof value === 'number') result.observe(value, labels)
      }
    }
    instrument.addCallback(callback)
    return () => instrument.removeCallback(callback)
  })
  return () => {
    for (const stop of stops) stop()
  }
}

/** Says on the span that is active what a limit decided: the policy that binds, what is left of it, and when to come back. */
export function markSpan(trace: TraceLike, limit: string, decision: Decision): void {
  const span = trace.getActiveSpan()
  if (span === undefined) return
  const { binding, retryAfterMs } = decision
  span.setAttributes({
    'sluice.limit': limit,
    'sluice.result': resultOf(decision).result,
    ...(binding === undefined ? {} : { 'sluice.policy': binding.policy.name, 'sluice.remaining': binding.remaining }),
    ...(decision.allowed || !Number.isFinite(retryAfterMs) ? {} : { 'sluice.retry_after': retryAfterMs / 1_000 }),
  })
}
