import { warn } from '../runtime/builtin.js'
import type { Store } from '../stores/store.js'

/** By a shared store, or its URL, and the name that they begin with: which `sluice()` has limits without a name there. */
const unnamedBy = new Map<string | Store, Map<string, object>>()
let saidShared = false

/** `default`, `default-2`, …: the same in every process that runs the same code. */
export function namer(store: Store): (base: string) => string {
  const own = {}
  let unnamed = 0
  return (base) => {
    unnamed += 1
    if (isShared(store)) {
      if (unnamed === 2) {
        warn(
          'SLUICE_UNNAMED',
          'Several limits without a name share a store: they are named by the order in which they are made. ' +
            "Give each a name, as in limit('100/min', { name: 'search' }).",
        )
      }
      noteUnnamed(store.url ?? store, base, own)
    }
    return unnamed === 1 ? base : `${base}-${unnamed}`
  }
}

function noteUnnamed(where: string | Store, base: string, own: object): void {
  const there = unnamedBy.get(where) ?? new Map<string, object>()
  unnamedBy.set(where, there)
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
