import { ConfigError } from '../errors.js'
import { failoverOf } from '../failover/failover.js'
import { type Events, limitEvents, listen } from '../limiter/events.js'
import { StoreLimiter } from '../limiter/limiter.js'
import type { CheckedText } from '../policies/bind-policies.js'
import { fixedWindow, leakyBucket, slidingLog, slidingWindow, tokenBucket } from '../policies/constructors.js'
import type { Policy } from '../policies/policy.js'
import type { RateText } from '../policies/rate-text.js'
import type { Listener } from '../runtime/emitter.js'
import type { Store } from '../stores/store.js'
import { noteCreation } from './creation.js'
import { Guard } from './guard.js'
import { controlsOf, type LimitControls } from './limit-controls.js'
import { LimitNames } from './limit-names.js'
import {
  checkLimitOptions,
  checkSluiceOptions,
  type LimitOptions,
  type LimitPolicy,
  type LimitPolicyLike,
  type PolicyFunction,
  type SluiceOptions,
} from './limit-options.js'
import { namer } from './naming.js'
import type { RequestReader } from './passage.js'
import { RequestChecks } from './request-checks.js'

/** Several policies of a limit, whose texts are checked in the editor. */
type LimitList<L extends readonly unknown[]> = { readonly [I in keyof L]: CheckedText<L[I]> }

/** What every adapter's `sluice()` returns: `limit`, which makes a `Middleware` of policies. */
export interface Limit<Req, Middleware> {
  /**
   * Limits a route: by policies, or by a function that returns them for each request (plans). A malformed text from a function
   * is an error at that request, so return policies that were made at start-up.
   * @example app.get('/search', limit(['10/s', '1000/day']))
   * @throws {ConfigError} on anything that cannot be right.
   */
  <const T extends string, const L extends readonly LimitPolicyLike<Req>[]>(
    policies: RateText<T> | Policy | LimitPolicy<Req> | LimitList<L> | PolicyFunction<Req>,
    options?: LimitOptions<Req>,
  ): Middleware & LimitControls<Req>
  /** Listens to the decisions of all limits made here, and to the health of their store. Returns a function that stops listening. */
  on<Name extends keyof Events<Req>>(name: Name, listener: Listener<Events<Req>[Name]>): () => void
  /** Where the buckets live. */
  readonly store: Store
  /** Closes the store. */
  close(): void | Promise<void>
}

/**
 * `limit` for one framework: what reads its requests, and what makes its middleware of a guard.
 * @throws {ConfigError} on an option that cannot be right.
 */
export function createLimit<Req extends object, Middleware extends object>(
  reader: RequestReader<Req>,
  options: SluiceOptions<Req>,
  toMiddleware: (guard: Guard<Req>) => Middleware,
): Limit<Req, Middleware> {
  const { store, defaults, share } = checkSluiceOptions(options)
  const failover = failoverOf(store)
  noteCreation('sluice()', createLimit)
  const events = limitEvents<Req>()
  const naming = namer(store)
  const names = new LimitNames()
  const checks = new RequestChecks(reader)
  const limit = (
    policies: LimitPolicyLike<Req> | readonly LimitPolicyLike<Req>[] | PolicyFunction<Req>,
    own: LimitOptions<Req> = {},
  ): Middleware & LimitControls<Req> => {
    if (isConstructor(policies)) throw new ConfigError(`limit() takes policies, as in limit(${policies.name}('10/s')).`)
    if (isRequest(policies))
      throw new ConfigError("limit is no middleware itself: it makes one, as in limit('100/min').")
    const checked = checkLimitOptions('limit()', own, defaults, share)
    if (own.name === undefined) noteCreation('limit() without a name', limit)
    const name = own.name ?? naming.next(checked.name ?? 'default')
    const guard = new Guard<Req>({ name, policies, options: checked, reader, failover, events, names, checks })
    names.add(name, guard.policies, own.name === undefined)
    const limiter =
      typeof policies === 'function' ? undefined : new StoreLimiter(name, guard.policies, failover, checked.failure)
    const controls = controlsOf(limiter, guard.addressPolicies, checked.ipv6Prefix, (request: Req) =>
      guard.keyOf(request),
    )
    return Object.assign(toMiddleware(guard), controls)
  }
  const on: Limit<Req, Middleware>['on'] = (name, listener) => listen(events, failover, name, listener)
  const close = (): void | Promise<void> => {
    naming.forget()
    return failover.close()
  }
  return Object.assign(limit, { on, store, close })
}

/** A constructor that was not called would pass for a function that returns policies. */
function isConstructor(policies: unknown): policies is { readonly name: string } {
  return CONSTRUCTORS.includes(policies)
}

const CONSTRUCTORS: readonly unknown[] = [fixedWindow, slidingWindow, slidingLog, tokenBucket, leakyBucket]

/** What a framework would call `limit` with, where it was given in place of `limit('100/min')`. */
function isRequest(policies: unknown): boolean {
  return typeof policies === 'object' && policies !== null && ('headers' in policies || 'routing' in policies)
}
