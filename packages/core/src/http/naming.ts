import { warn } from '../runtime/builtin.js'
import type { Store } from '../stores/store.js'

/** By a shared store, or its URL, and the name that they begin with: which `sluice()` has limits without a name there. */
const unnamedByUrl = new Map<string, Map<string, object>>()
const unnamedByStore = new WeakMap<Store, Map<string, object>>()
let saidShared = false

/** `default`, `default-2`, …: the same in every process that runs the same code. */
export function namer(store: Store): { next(base: string): string; forget(): void } {
  const own = {}
  let unnamed = 0
  const next = (base: string): string => {
    unnamed += 1
    if (isShared(store)) {
      if (unnamed === 2) {
        warn(
          'SLUICE_UNNAMED',
          'Several limits without a name share a store: they are named by the order in which they are made. ' +
            "Give each a name, as in limit('100/min', { name: 'search' }).",
        )
      }
      noteUnnamed(unnamedIn(store), base, own)
    }
    return unnamed === 1 ? base : `${base}-${unnamed}`
  }
  /** Its limits are no more, once the store is closed. */
  const forget = (): void => {
    const there = unnamedIn(store)
    for (const [base, by] of there) if (by === own) there.delete(base)
  }
  return { next, forget }
}

/** A client that an app has does not say where it leads: it is only the same where the store is. */
function unnamedIn(store: Store): Map<string, object> {
  const isGiven = store.url === undefined || store.url.includes('(the given client)')
  const url = isGiven ? undefined : `${store.url} ${store.prefix ?? ''}`
  const known = url === undefined ? unnamedByStore.get(store) : unnamedByUrl.get(url)
  const there = known ?? new Map<string, object>()
  if (known === undefined) {
    if (url === undefined) unnamedByStore.set(store, there)
    else unnamedByUrl.set(url, there)
  }
  return there
}

function noteUnnamed(there: Map<string, object>, base: string, own: object): void {
  const other = there.get(base)
  there.set(base, own)
  if (other === undefined || other === own || saidShared) return
  saidShared = true
  warn(
    'SLUICE_UNNAMED',
    'Limits without a name of two sluice()s are in one store, and share their buckets. Give each limit a name, or each ' +
      "store a prefix, as in 'redis://localhost:6379?prefix=shop'.",
  )
}

/** Whether others can count there too. */
function isShared(store: Store): boolean {
  return !('size' in store)
}
