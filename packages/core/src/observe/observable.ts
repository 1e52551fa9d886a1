import { ConfigError, shown } from '../errors.js'
import type { Failover } from '../failover/failover.js'
import type { IsExempt } from '../http/exempt-paths.js'
import type { Events } from '../limiter/events.js'
import type { Limiter } from '../limiter/limiter.js'
import { slotsOf } from '../limiter/slots.js'
import { waitingOf } from '../limiter/waiting.js'
import type { Policy } from '../policies/policy.js'
import type { Listener } from '../runtime/emitter.js'
import type { Store } from '../stores/store.js'
import type { ObservedDecisions } from './observed-decisions.js'
import type { Observer, StoreObserver } from './observer.js'

/** A limit, as it is now. */
export interface ObservedLimit {
  readonly name: string
  readonly policies: readonly Policy[]
  /** What can be done with its buckets, by key. */
  readonly controls: ObservedControls
}

export type ObservedControls = Pick<
  Limiter<Store>,
  'peek' | 'usage' | 'reset' | 'history' | 'grant' | 'override' | 'overrides' | 'ban' | 'unban' | 'bans'
>

/** What is to be seen of one `sluice()`, or of one limiter. */
export interface Observable {
  /** Calls an observer from now on, and returns a function that stops it. */
  observe(observer: Observer): () => void
  /** The same, for the store behind it. */
  observeStore(observer: StoreObserver): () => void
  on<Name extends keyof Events<unknown>>(name: Name, listener: Listener<Events<unknown>[Name]>): () => void
  /** Limits as they are now; of those without a name, the first hundred. */
  limits(): readonly ObservedLimit[]
  /** Names the pattern of a request's route, where its framework knows it by now. */
  routeOf(request: unknown): string | undefined
  /** From now on no limit counts what is exempt below this path. */
  exempt(path: string, isExempt: IsExempt): void
  readonly store: Store
  /** Whether the store, or a part of it, does not decide at the moment. */
  readonly isDegraded: boolean
  /** Slots that this process holds in the store, by policy. */
  held(): ReadonlyMap<Policy, number>
  /** Those who wait for the store in this process, by the policy that they wait for. */
  waiting(): ReadonlyMap<Policy, number>
}

/** Where `limit` and limiters have their observable: any copy of this module finds it. */
const OBSERVABLE: unique symbol = Symbol.for('sluice.observable') as never

/** Adds to `owner` what can be observed of it. */
export function observable<T extends object>(owner: T, parts: ObservableParts): T {
  const { failover, decisions, on, limits, routeOf = () => undefined, exempt = () => undefined } = parts
  const value: Observable = {
    observe: (observer) => decisions.add(observer),
    observeStore: (observer) => failover.observers.add(observer),
    on,
    limits,
    routeOf,
    exempt,
    store: failover.store,
    get isDegraded() {
      return failover.isDown
    },
    held: () => slotsOf(failover).held(),
    waiting: () => waitingOf(failover).byPolicy(),
  }
  return Object.defineProperty(owner, OBSERVABLE, { value })
}

export interface ObservableParts {
  readonly failover: Failover
  readonly decisions: ObservedDecisions
  readonly on: Observable['on']
  readonly limits: () => readonly ObservedLimit[]
  readonly routeOf?: ((request: unknown) => string | undefined) | undefined
  readonly exempt?: ((path: string, isExempt: IsExempt) => void) | undefined
}

/**
 * What can be observed of a `limit`, as `sluice()` returns it, or of a limiter.
 * @throws {ConfigError} where it is neither.
 */
export function observableOf(source: unknown, caller: string): Observable {
  const value = (source as { [OBSERVABLE]?: Observable } | null | undefined)?.[OBSERVABLE]
  if (value !== undefined) return value
  throw new ConfigError(
    isMiddleware(source)
      ? `${caller}: got a middleware that limit() made. Pass limit itself, as sluice() returned it.`
      : `${caller}: expected the limit that sluice() returned, or a limiter of createLimiter(), got ${shown(source)}.`,
  )
}

/** What `limit('100/min')` returned, in place of `limit`. */
export function isMiddleware(source: unknown): boolean {
  return typeof source === 'function' && 'keyOf' in source && 'peek' in source
}

/** Whether a value can be observed. */
export function isObservable(source: unknown): boolean {
  return (typeof source === 'object' || typeof source === 'function') && source !== null && OBSERVABLE in source
}
