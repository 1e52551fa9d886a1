import { ConfigError, type Policy } from '@sluice/core'
import {
  isMiddleware,
  isObservable,
  keyDigest,
  type Observable,
  type Observer,
  observableOf,
} from '@sluice/core/observe'
import { checkOptions, checkWhole, shown } from '@sluice/core/runtime'
import { ClientsObserver, isClient, type ObservedClient } from './counts/client-observer.js'
import type { Family } from './counts/family.js'
import type { HistogramFamily } from './counts/histogram.js'
import { LimitObserver, limitHistograms } from './counts/limit-counts.js'
import { StoresObserver } from './counts/store-observer.js'
import { Tallies } from './counts/tallies.js'
import { METRICS, type MetricDefinition } from './definitions.js'
import { type Handlers, handlers } from './outputs/handlers.js'
import { type MeterLike, markSpan, observeWith, type TraceLike } from './outputs/open-telemetry.js'
import { type PromRegistry, registerAll } from './outputs/prom-client.js'
import { prometheusText } from './outputs/prometheus-text.js'
import type { HeavyKey } from './top-keys/space-saving.js'

/** What can be observed: the `limit` of a `sluice()`, a limiter of `createLimiter`, or a client of `@sluice/client`. */
export type Source = object

export interface MetricsOptions {
  /** Keys whose usage of calendar quotas has series of its own, at most 100: of customers that are forecast or billed by it. */
  readonly quotaKeys?: readonly string[] | undefined
}

export interface TopKeysOptions {
  /** What is most of: requests that were denied (the default), or units that were taken. */
  readonly by?: 'denials' | 'units' | undefined
  /** How many keys; defaults to 10, at most 1,000. */
  readonly most?: number | undefined
  /** Only of this limit. */
  readonly limit?: string | undefined
  /** Shows a hash in place of each key, as `pk` of the RateLimit fields is. Defaults to `false`. */
  readonly hash?: boolean | undefined
}

/** A key that has much of something. */
export interface TopKey extends HeavyKey {
  readonly limit: string
}

/** What limits, their stores and clients do, in numbers. */
export interface Metrics extends Handlers {
  /** Observes one more. Returns a function that stops it; what was counted stays. */
  observe(source: Source): () => void
  /** Everything in Prometheus's text format. */
  text(): string
  /** Everything as it is now, for whoever shows it otherwise. */
  collect(): readonly Family[]
  /**
   * The keys that were denied most, or that took most units, the heaviest first. Of each limit the 1,000 heaviest are kept, and
   * beyond 2,000 decisions a second they are estimated from a sample.
   */
  topKeys(options?: TopKeysOptions): readonly TopKey[]
  /**
   * Adds everything to a registry of prom-client. Returns a function that removes it.
   * @example metrics.register(promClient.register)
   */
  register(registry: PromRegistry): () => void
  /**
   * Reports everything to OpenTelemetry through a meter; with `trace`, decisions stand on the active span too. Returns a function
   * that stops it.
   * @example
   * import { metrics as api, trace } from '@opentelemetry/api'
   * metrics.openTelemetry({ meter: api.getMeter('sluice'), trace })
   */
  openTelemetry(api: { readonly meter?: MeterLike | undefined; readonly trace?: TraceLike | undefined }): () => void
  /** Stops observing. */
  close(): void
}

/**
 * Observes limits, limiters and clients. One scrape shows everything that happened since.
 * @example
 * const metrics = createMetrics(limit)
 * app.get('/metrics', metrics.express)
 * @throws {ConfigError} on what cannot be observed, or an option that cannot be right.
 */
export function createMetrics(sources: Source | readonly Source[] = [], options: MetricsOptions = {}): Metrics {
  checkOptions('createMetrics()', options, ['quotaKeys'])
  const collector = new Collector(checkQuotaKeys(options.quotaKeys))
  for (const source of Array.isArray(sources) ? sources : [sources]) collector.observe(source)
  return collector
}

const DEFINITIONS: readonly MetricDefinition[] = Object.values(METRICS)

class Collector implements Metrics {
  readonly express: Handlers['express']
  readonly koa: Handlers['koa']
  readonly fastify: Handlers['fastify']
  readonly #histograms = limitHistograms()
  readonly #limits: LimitObserver
  readonly #stores = new StoresObserver()
  readonly #clients = new ClientsObserver()
  readonly #deliveries = new Tallies()
  readonly #sources = new Map<object, () => void>()
  /** What limits are observed, and how their decisions stand on spans. */
  readonly #observables = new Map<Observable, Set<() => void>>()
  readonly #tracers = new Set<Observer>()
  readonly #stops = new Set<() => void>()

  constructor(quotaKeys: ReadonlySet<string>) {
    this.#limits = new LimitObserver(this.#histograms, quotaKeys)
    const { express, koa, fastify } = handlers(() => this.text())
    this.express = express
    this.koa = koa
    this.fastify = fastify
  }

  observe(source: Source): () => void {
    const known = this.#sources.get(source)
    if (known !== undefined) return known
    const stop = this.#begin(source)
    const stopOnce = (): void => {
      if (!this.#sources.delete(source)) return
      stop()
    }
    this.#sources.set(source, stopOnce)
    return stopOnce
  }

  #begin(source: Source): () => void {
    if (isObservable(source) || isMiddleware(source))
      return this.#observeLimits(observableOf(source, 'createMetrics()'))
    if (isReporter(source)) return source.onDelivery((result) => this.#deliveries.add({ result }))
    if (isClient(source)) return this.#clients.observe(source as ObservedClient)
    throw new ConfigError(
      'createMetrics(): expected the limit that sluice() returned, a limiter of createLimiter(), a client of createFetch() or ' +
        `createClient(), or a webhook, got ${shown(source)}.`,
    )
  }

  #observeLimits(observable: Observable): () => void {
    const limits = this.#limits
    for (const { name, policies } of observable.limits()) limits.expect(name, policies)
    const tracing = new Set(Array.from(this.#tracers, (tracer) => observable.observe(tracer)))
    this.#observables.set(observable, tracing)
    const stops = [observable.observe(limits), observable.observeStore(this.#stores.enter(observable))]
    return () => {
      for (const stop of [...stops, ...tracing]) stop()
      this.#stores.leave(observable)
      this.#observables.delete(observable)
    }
  }

  text(): string {
    return prometheusText(this.collect())
  }

  topKeys({ by = 'denials', most = 10, limit, hash = false }: TopKeysOptions = {}): readonly TopKey[] {
    if (by !== 'denials' && by !== 'units') {
      throw new ConfigError(`topKeys(): by is 'denials' or 'units', got ${shown(by)}.`)
    }
    checkWhole('most', most, 1, 1_000)
    const all: TopKey[] = []
    for (const [name, keys] of this.#limits.keys()) {
      if (limit !== undefined && limit !== name) continue
      for (const heavy of keys[by].top(most)) {
        all.push({ limit: name, ...heavy, key: hash ? (keyDigest(heavy.key) ?? '') : heavy.key })
      }
    }
    return all.sort((a, b) => b.count - a.count).slice(0, most)
  }

  register(registry: PromRegistry): () => void {
    if (typeof registry?.registerMetric !== 'function') {
      throw new ConfigError(`register(): expected a registry of prom-client, got ${shown(registry)}.`)
    }
    return this.#until(registerAll(registry, DEFINITIONS, () => this.collect()))
  }

  openTelemetry(api: { readonly meter?: MeterLike | undefined; readonly trace?: TraceLike | undefined }): () => void {
    const { meter, trace } = api ?? {}
    if (meter !== undefined && typeof meter?.createHistogram !== 'function') {
      throw new ConfigError(`openTelemetry(): meter is what metrics.getMeter('…') returns, got ${shown(meter)}.`)
    }
    if (trace !== undefined && typeof trace?.getActiveSpan !== 'function') {
      throw new ConfigError(`openTelemetry(): trace is that of @opentelemetry/api, got ${shown(trace)}.`)
    }
    if (meter === undefined && trace === undefined) {
      throw new ConfigError("openTelemetry() takes a meter, as in { meter: api.getMeter('sluice') }, or a trace.")
    }
    const stopTracing = trace === undefined ? () => undefined : this.#trace(trace)
    const stop =
      meter === undefined ? () => undefined : observeWith(meter, DEFINITIONS, this.#families(), () => this.collect())
    return this.#until(() => {
      stopTracing()
      stop()
    })
  }

  #trace(trace: TraceLike): () => void {
    const tracer: Observer = { decided: (limit, decision) => markSpan(trace, limit, decision) }
    this.#tracers.add(tracer)
    const stops = Array.from(this.#observables, ([observable, tracing]) => {
      const stop = observable.observe(tracer)
      tracing.add(stop)
      return stop
    })
    return () => {
      this.#tracers.delete(tracer)
      for (const stop of stops) stop()
    }
  }

  close(): void {
    for (const stop of [...this.#sources.values(), ...this.#stops]) stop()
    this.#sources.clear()
    this.#stops.clear()
  }

  /** Also what is not stopped by hand ends with `close`. */
  #until(stop: () => void): () => void {
    this.#stops.add(stop)
    return () => {
      if (this.#stops.delete(stop)) stop()
    }
  }

  #families(): ReadonlyMap<MetricDefinition, HistogramFamily> {
    return new Map<MetricDefinition, HistogramFamily>([
      [METRICS.utilization, this.#histograms.utilization],
      [METRICS.decisionDuration, this.#histograms.decisionDuration],
      [METRICS.leaseDuration, this.#histograms.leaseDuration],
      [METRICS.timeInQueue, this.#histograms.timeInQueue],
      [METRICS.storeDuration, this.#stores.durations],
      [METRICS.clientDuration, this.#clients.durations],
      [METRICS.clientWaits, this.#clients.waits],
    ])
  }

  collect(): readonly Family[] {
    // Limits that were made or reloaded since.
    for (const observable of this.#observables.keys()) {
      for (const { name, policies } of observable.limits()) this.#limits.expect(name, policies)
    }
    return [
      ...this.#limits.families(),
      { definition: METRICS.activeLeases, samples: this.#byPolicy((observable) => observable.held()) },
      { definition: METRICS.queuedRequests, samples: this.#byPolicy((observable) => observable.waiting()) },
      ...this.#stores.families(),
      ...this.#clients.families(),
      { definition: METRICS.webhookDeliveries, samples: this.#deliveries.samples() },
    ]
  }

  /** Of all stores, each once, however many limits share it. */
  #byPolicy(numbers: (observable: Observable) => ReadonlyMap<Policy, number>): Family['samples'] {
    const byStore = new Map(Array.from(this.#observables.keys(), (observable) => [observable.store, observable]))
    const sums = new Map<string, number>()
    for (const observable of byStore.values()) {
      for (const [policy, number] of numbers(observable)) {
        const label = this.#limits.policyLabel(policy)
        sums.set(label, (sums.get(label) ?? 0) + number)
      }
    }
    return Array.from(sums, ([policy, value]) => ({ labels: { policy }, value }))
  }
}

/** A webhook says what becomes of its messages. */
interface Reporter {
  onDelivery(listener: (result: string) => void): () => void
}

function isReporter(source: unknown): source is Reporter {
  return (
    typeof source === 'object' && source !== null && 'onDelivery' in source && typeof source.onDelivery === 'function'
  )
}

/** @throws {ConfigError} unless it is at most 100 keys. */
function checkQuotaKeys(keys: readonly string[] | undefined): ReadonlySet<string> {
  if (keys === undefined) return new Set()
  if (!Array.isArray(keys) || keys.some((key) => typeof key !== 'string' || key === '')) {
    throw new ConfigError(`quotaKeys: expected keys, as in ['org-7'], got ${shown(keys)}.`)
  }
  if (keys.length > 100)
    throw new ConfigError(`quotaKeys: at most 100 keys have series of their own, got ${keys.length}.`)
  return new Set(keys)
}
