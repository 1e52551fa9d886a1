import type { Ask } from '../decisions/ask.js'
import type { Decision } from '../decisions/decision.js'
import { ConfigError, KeyError } from '../errors.js'
import { type Failover, failoverOf } from '../failover/failover.js'
import {
  checkFailure,
  FAILURE_OPTIONS,
  type Failure,
  type FailureOptions,
  type InstancesOption,
  shareOf,
} from '../failover/failure.js'
import type { MemoryStore } from '../memory/memory-store.js'
import { checkOptions } from '../options.js'
import { bindPolicies, type PolicyLike, type PolicyList } from '../policies/bind-policies.js'
import type { Policy } from '../policies/policy.js'
import type { RateText } from '../policies/rate-text.js'
import type { Listener } from '../runtime/emitter.js'
import { isThenable } from '../runtime/thenable.js'
import { toStore } from '../stores/create-store.js'
import type { Answer, Store } from '../stores/store.js'
import { type Costs, checkCost, checkNames, checkNotEmpty, costOf, type Keys, keyOf } from './costs.js'
import { type Events, type LimitEvents, limitEvents, listen } from './events.js'
import { refund } from './receipts.js'
import { isHeard, report } from './report.js'

export interface LimiterOptions<T extends string, L extends readonly PolicyLike[], S extends Store = Store>
  extends FailureOptions,
    InstancesOption {
  /** One policy or several; a decision takes from all of them or from none. */
  readonly policies: RateText<T> | Policy | PolicyList<L>
  /** A Store, or the URL of one. Defaults to a memory store of its own. */
  readonly store?: S | string | undefined
  /** Names the policies, and so their buckets in a shared store. Defaults to `'default'`. */
  readonly name?: string | undefined
  /** Shares of a quota, above 0 and up to 1, at which `warning` is emitted. */
  readonly warnAt?: number | readonly number[] | undefined
}

/** What a take costs. */
export interface Cost {
  /** Whole numbers of units ≥ 0: for every policy, or for each by its name. Defaults to 1. */
  readonly cost?: Costs | undefined
}

/** Policies over a store, for anything that has a key: a request, a job, a message. */
export interface Limiter<S extends Store> {
  readonly policies: readonly Policy[]
  /**
   * Takes `cost` units from every policy, or from none. The key is one string for all policies, or an object with one
   * for each policy's name.
   * @example limiter.consume('user-42', { cost: 3 })
   * @example limiter.consume({ 'chat-1s': 'user-42', everybody: 'all' }, { cost: { everybody: 5 } })
   * @throws {KeyError} when a key is not a string. @throws {CostError} when a cost is not a whole number ≥ 0.
   */
  consume(key: Keys, options?: Cost): Answer<S, Decision>
  /** What `consume` would answer now; takes nothing. */
  peek(key: Keys, options?: Cost): Answer<S, Decision>
  /**
   * Gives back what a decision took, or `cost` units of it; never more than it took, however often it is called.
   * What has drained from a bucket in the meantime is not given back again. Rejects with a `StoreError` when the store
   * did not do so in time; it can then be called again.
   */
  refund(decision: Decision, options?: Cost): Answer<S, void>
  /** Resets a key: every bucket of it is fresh again. An object names keys by policy, and resets only those. */
  reset(key: Keys): Answer<S, void>
  /** Resets every key under these policies. */
  resetAll(): Answer<S, void>
  /**
   * Listens to decisions (`decision`, `denied`, `warning`) and to the store's health (`degraded`, `recovered`, `error`).
   * Returns a function that stops listening.
   */
  on<Name extends keyof Events<undefined>>(name: Name, listener: Listener<Events<undefined>[Name]>): () => void
  /** Closes the store. */
  close(): Answer<S, void>
}

/**
 * A limiter without HTTP. Over the memory store its answers come at once; over a shared one `await` them: their types differ.
 * @example
 * const limiter = createLimiter({ policies: ['10/s', '1000/day'] })
 * if (!limiter.consume('user-42').allowed) console.log('later')
 * @throws {ConfigError} on anything that cannot be right.
 */
export function createLimiter<const T extends string, const L extends readonly PolicyLike[]>(
  options: LimiterOptions<T, L> & { readonly store?: undefined },
): Limiter<MemoryStore>
export function createLimiter<const T extends string, const L extends readonly PolicyLike[], S extends Store>(
  options: LimiterOptions<T, L, S> & { readonly store: S },
): Limiter<S>
export function createLimiter<const T extends string, const L extends readonly PolicyLike[]>(
  options: LimiterOptions<T, L> & { readonly store: Store | string | undefined },
): Limiter<Store>
export function createLimiter(options: LimiterOptions<string, readonly PolicyLike[]>): Limiter<Store> {
  checkOptions('createLimiter()', options, ['policies', 'store', 'name', 'warnAt', 'instances', ...FAILURE_OPTIONS])
  const { policies, store, name = 'default', warnAt } = options
  const failure = checkFailure(options, shareOf(options))
  if (policies === undefined) throw new ConfigError("createLimiter() needs policies, as in { policies: '100/min' }.")
  return new StoreLimiter(name, bindPolicies(policies, { name, warnAt }), failoverOf(toStore(store)), failure)
}

/** Also behind a limit of HTTP's, for its keys without a request. */
export class StoreLimiter implements Limiter<Store> {
  readonly policies: readonly Policy[]
  readonly #name: string
  readonly #events: LimitEvents<undefined> = limitEvents()
  readonly #failover: Failover
  readonly #failure: Failure

  constructor(name: string, policies: readonly Policy[], failover: Failover, failure: Failure) {
    checkRoom(policies, failover.store)
    this.#name = name
    this.policies = policies
    this.#failover = failover
    this.#failure = failure
  }

  consume(key: Keys, options?: Cost): Decision | Promise<Decision> {
    const decision = this.#failover.decide('consume', this.#asks(key, options), this.#failure)
    if (!isHeard(this.#events)) return decision
    return isThenable(decision) ? decision.then((settled) => this.#reported(settled)) : this.#reported(decision)
  }

  #reported(decision: Decision): Decision {
    report(this.#name, decision, undefined, this.#events)
    return decision
  }

  peek(key: Keys, options?: Cost): Decision | Promise<Decision> {
    return this.#failover.decide('peek', this.#asks(key, options), this.#failure)
  }

  refund(decision: Decision, options?: Cost): void | Promise<void> {
    const costs = options?.cost
    checkNames(costs, this.policies, 'cost')
    for (const policy of this.policies) if (costs !== undefined) costOf(costs, policy, 0)
    return refund(this.#failover, decision, this.#failure, costs)
  }

  reset(key: Keys): void | Promise<void> {
    if (typeof key === 'string') return this.#failover.reset(this.policies, checkNotEmpty(key), this.#failure)
    checkNames(key, this.policies, 'key')
    if (typeof key === 'object' && key !== null && Object.keys(key).length === 0) {
      throw new KeyError('reset() takes a key, or an object with the keys of some policies; got none.')
    }
    const named = this.policies.filter(
      ({ name }) => typeof key !== 'object' || key === null || Object.hasOwn(key, name),
    )
    const resets = named.map((policy) => this.#failover.reset([policy], keyOf(key, policy), this.#failure))
    return resets.some(isThenable) ? Promise.all(resets).then(() => undefined) : undefined
  }

  resetAll(): void | Promise<void> {
    return this.#failover.clear(this.policies)
  }

  on<Name extends keyof Events<undefined>>(name: Name, listener: Listener<Events<undefined>[Name]>): () => void {
    return listen(this.#events, this.#failover, name, listener)
  }

  close(): void | Promise<void> {
    return this.#failover.close()
  }

  #asks(keys: Keys, options: Cost | undefined): readonly Ask[] {
    const costs = options === undefined ? 1 : checkedCost(options)
    const only = this.policies.length === 1 ? this.policies[0] : undefined
    if (only !== undefined && typeof keys === 'string' && typeof costs === 'number') {
      return [{ policy: only, key: checkNotEmpty(keys), cost: checkCost(costs, '') }]
    }
    checkNames(keys, this.policies, 'key')
    checkNames(costs, this.policies, 'cost')
    return this.policies.map((policy) => ({ policy, key: keyOf(keys, policy), cost: costOf(costs, policy, 1) }))
  }
}

/** Other limiters take the number of units as it is: one that is written so must not be taken for none. */
function checkedCost(options: Cost): Costs {
  checkOptions('consume() and peek()', options, ['cost'])
  const { cost = 1 } = options
  return cost
}

/**
 * A decision needs a bucket for each of its policies at the same time.
 * @throws {ConfigError} where the store cannot hold so many.
 */
export function checkRoom(policies: readonly Policy[], store: Store): void {
  if (store.maxKeys === undefined || store.maxKeys >= policies.length) return
  throw new ConfigError(
    `maxKeys: a store of ${store.maxKeys} buckets cannot hold a limit of ${policies.length} policies, which needs one bucket for each.`,
  )
}
