import { toStore } from './create-store.js'
import type { Decision } from './decision.js'
import { ConfigError, CostError, KeyError, shown } from './errors.js'
import { type Failover, failoverOf, type StoreEvents } from './failover/failover.js'
import {
  checkFailure,
  FAILURE_OPTIONS,
  type Failure,
  type FailureOptions,
  type InstancesOption,
  shareOf,
} from './failover/failure.js'
import type { MemoryStore } from './memory-store.js'
import { checkOptions } from './options.js'
import type { RateText } from './parse.js'
import { bindPolicies, type PolicyLike, type PolicyList } from './policies.js'
import type { Policy } from './policy.js'
import type { Answer, Ask, Return, Store } from './store.js'

export interface LimiterOptions<T extends string, L extends readonly PolicyLike[], S extends Store = Store>
  extends FailureOptions,
    InstancesOption {
  /** One policy or several; a decision takes from all of them or from none. */
  readonly policies: RateText<T> | Policy | PolicyList<L>
  /** A Store, or the URL of one. A memory store of its own unless told. */
  readonly store?: S | string
  /** Names the policies, and so their buckets in a shared store. `'default'` unless told. */
  readonly name?: string
}

/** A count of units: a whole number ≥ 0, 1 unless told. */
export interface Cost {
  readonly cost?: number
}

/** Policies over a store, for anything that has a key: a request, a job, a message. */
export interface Limiter<S extends Store> {
  readonly policies: readonly Policy[]
  /**
   * Takes `cost` units from every policy, or from none.
   * @throws {KeyError} when the key is not a string. @throws {CostError} when the cost is not a whole number ≥ 0.
   */
  consume(key: string, options?: Cost): Answer<S, Decision>
  /** What `consume` would answer now; takes nothing. */
  peek(key: string, options?: Cost): Answer<S, Decision>
  /**
   * Gives back what a decision took, or `cost` units of it; never more than it took, however often it is asked.
   * What has drained from a bucket in the meantime is not given back again.
   */
  refund(decision: Decision, options?: Cost): Answer<S, void>
  /** Forgets a key, as if it had never come. */
  reset(key: string): Answer<S, void>
  /** Forgets every key under these policies. */
  resetAll(): Answer<S, void>
  /** Listens to how the store fares: `degraded`, `recovered`, `error`. Returns a function that stops listening. */
  on<Name extends keyof StoreEvents>(name: Name, listener: (event: StoreEvents[Name]) => void): () => void
  /** Closes the store. */
  close(): Answer<S, void>
}

/**
 * A limiter without HTTP. Over the memory store its answers come at once; over a shared one `await` them; the type tells.
 * @example
 * const limiter = createLimiter({ policies: ['10/s', '1000/day'] })
 * if (!limiter.consume('user-42').allowed) console.log('later')
 * @throws {ConfigError} on anything that cannot be right.
 */
export function createLimiter<const T extends string, const L extends readonly PolicyLike[]>(
  options: LimiterOptions<T, L> & { readonly store?: undefined },
): Limiter<MemoryStore>
export function createLimiter<const T extends string, const L extends readonly PolicyLike[]>(
  options: LimiterOptions<T, L> & { readonly store: string },
): Limiter<Store>
export function createLimiter<const T extends string, const L extends readonly PolicyLike[], S extends Store>(
  options: LimiterOptions<T, L, S> & { readonly store: S },
): Limiter<S>
export function createLimiter(options: LimiterOptions<string, readonly PolicyLike[]>): Limiter<Store> {
  checkOptions('createLimiter()', options, ['policies', 'store', 'name', 'instances', ...FAILURE_OPTIONS])
  const { policies, store, name = 'default' } = options
  const failure = checkFailure(options, shareOf(options))
  if (policies === undefined) throw new ConfigError("createLimiter() needs policies, as in { policies: '100/min' }.")
  return new StoreLimiter(bindPolicies(policies, { name }), failoverOf(toStore(store)), failure)
}

const ONE: Cost = { cost: 1 }

class StoreLimiter implements Limiter<Store> {
  readonly policies: readonly Policy[]
  readonly #failover: Failover
  readonly #failure: Failure

  constructor(policies: readonly Policy[], failover: Failover, failure: Failure) {
    this.policies = policies
    this.#failover = failover
    this.#failure = failure
  }

  consume(key: string, { cost = 1 }: Cost = ONE): Decision | Promise<Decision> {
    return decide('consume', this.#failover, this.policies, key, cost, this.#failure)
  }

  peek(key: string, { cost = 1 }: Cost = ONE): Decision | Promise<Decision> {
    return decide('peek', this.#failover, this.policies, key, cost, this.#failure)
  }

  refund(decision: Decision, options?: Cost): void | Promise<void> {
    return refund(this.#failover, decision, this.#failure, options?.cost)
  }

  reset(key: string): void | Promise<void> {
    if (typeof key !== 'string') throw new KeyError(`A key is a string, got ${shown(key)}.`)
    return this.#failover.reset(this.policies, key, this.#failure)
  }

  resetAll(): void | Promise<void> {
    return this.#failover.store.clear(this.policies)
  }

  on<Name extends keyof StoreEvents>(name: Name, listener: (event: StoreEvents[Name]) => void): () => void {
    return this.#failover.on(name, listener)
  }

  close(): void | Promise<void> {
    return this.#failover.close()
  }
}

/** One decision over these policies: what a limiter and a guard share. */
export function decide(
  verb: 'consume' | 'peek',
  failover: Failover,
  policies: readonly Policy[],
  key: string,
  cost: number,
  failure: Failure,
): Decision | Promise<Decision> {
  return failover.decide(verb, asksFor(policies, key, cost), key, cost, failure)
}

const given = new WeakMap<Decision, number>()

/** Gives back up to what the decision took and has not been given back yet. */
export function refund(
  failover: Failover,
  decision: Decision,
  failure: Failure,
  cost: number = decision.cost,
): void | Promise<void> {
  checkCost(cost)
  const already = given.get(decision) ?? 0
  const back = Math.min(cost, decision.cost - already)
  if (!decision.allowed || back === 0) return
  given.set(decision, already + back)
  const returns: Return[] = []
  for (const { policy, allowed, at } of decision.standings) {
    if (allowed) returns.push({ policy, key: decision.key, cost: back, at })
  }
  return failover.refund(returns, decision, failure)
}

function asksFor(policies: readonly Policy[], key: string, cost: number): readonly Ask[] {
  if (typeof key !== 'string') throw new KeyError(`A key is a string, got ${shown(key)}.`)
  checkCost(cost)
  const only = policies.length === 1 ? policies[0] : undefined
  return only === undefined ? policies.map((policy) => ({ policy, key, cost })) : [{ policy: only, key, cost }]
}

function checkCost(cost: number): void {
  if (!Number.isSafeInteger(cost) || cost < 0) {
    throw new CostError(`A cost is a whole number of units from 0 to 2^53 − 1, got ${shown(cost)}.`)
  }
}
