import { type Observable, type ObservedLimit, observableOf } from '@sluice/core/observe'
import { HttpError } from './http/exchange.js'

/** What a dashboard shows. */
export interface Sources {
  readonly observables: readonly Observable[]
  readonly clients: readonly ShownClient[]
  /** Where each store is, without secrets, and whether it decides. */
  stores(): readonly { readonly url: string; readonly prefix: string | null; readonly isDegraded: boolean }[]
  /** Limits that have a name, as they are now. */
  limits(): readonly ObservedLimit[]
}

/** Limits and limiters of this process, and its clients. @throws {ConfigError} on what is none of them. */
export function ownSources(sources: readonly object[]): Sources {
  const observables = sources.filter((source) => !isClient(source)).map((source) => observableOf(source, 'dashboard()'))
  return {
    observables,
    clients: sources.filter(isClient),
    stores: () => {
      const byStore = new Map(observables.map((observable) => [observable.store, observable.isDegraded]))
      return Array.from(byStore, ([store, isDegraded]) => ({
        url: store.url ?? 'memory',
        prefix: store.prefix ?? null,
        isDegraded,
      }))
    },
    limits: () => observables.flatMap((observable) => observable.limits()),
  }
}

/** @throws {HttpError} 404 where there is none. */
export function limitOf(sources: Sources, name: unknown): ObservedLimit {
  const found = sources.limits().find((limit) => limit.name === name)
  if (found === undefined) throw new HttpError(404, 'There is no limit of this name.')
  return found
}

/** The part of a client of `@sluice/client` that is shown. */
export interface ShownClient {
  on(name: string, listener: (event: never) => void): () => void
  execute: unknown
  state(): readonly object[]
}

function isClient(source: unknown): source is ShownClient {
  if ((typeof source !== 'object' && typeof source !== 'function') || source === null) return false
  return 'state' in source && typeof source.state === 'function' && 'execute' in source
}
