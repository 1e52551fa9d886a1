import { ConfigError, shown } from './errors.js'
import { memoryStore } from './memory-store.js'
import type { Store } from './store.js'

/**
 * A store by its URL; `undefined` and `'memory:'` are a memory store of its own.
 * @throws {ConfigError} on a URL whose scheme is not known.
 */
export function createStore(url: string | undefined): Store {
  if (url === undefined || url === 'memory:') return memoryStore()
  throw new ConfigError(`store: ${shown(withoutPassword(url))} is not a store. Expected 'memory:' or a Store.`)
}

/** The store itself, or the one a URL names. */
export function toStore(store: Store | string | undefined): Store {
  if (store === undefined || typeof store === 'string') return createStore(store)
  if (typeof store === 'object' && store !== null && typeof store.consume === 'function') return store
  throw new ConfigError(`store: expected a URL such as 'memory:' or a Store, got ${shown(store)}.`)
}

function withoutPassword(url: string): string {
  return url.replace(/\/\/[^@/]*@/, '//…@')
}
