import { type Failover, failoverOf, type StoreEvents } from '../failover/failover.js'
import type { MemoryStore } from '../memory/memory-store.js'
import type { CheckedText } from '../policies/bind-policies.js'
import type { Policy } from '../policies/policy.js'
import type { RateText } from '../policies/rate-text.js'
import { warn } from '../runtime/builtin.js'
import type { Listener } from '../runtime/emitter.js'
import type { Store } from '../stores/store.js'
import { type Events, requestEvents } from './events.js'
import { Guard } from './guard.js'
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
import type { RequestReader } from './passage.js'

/** Several policies of a limit, whose texts are checked in the editor. */
type LimitList<L extends readonly unknown[]> = { readonly [I in keyof L]: CheckedText<L[I]> }

/** What every adapter's `sluice()` returns: `limit`, which makes a `Middleware` of policies. */
export interface Limit<Req, Middleware> {
  /**
   * One line a route: policies, or a function that returns them for each request (plans, tiers); those are checked at that request.
   * @example app.get('/search', limit(['10/s', '1000/day']))
   * @throws {ConfigError} on anything that cannot be right.
   */
  <const T extends string, const L extends readonly LimitPolicyLike<Req>[]>(
    policies: RateText<T> | Policy | LimitPolicy<Req> | LimitList<L> | PolicyFunction<Req>,
    options?: LimitOptions<Req>,
  ): Middleware
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
export function createLimit<Req extends object, Middleware>(
  reader: RequestReader<Req>,
  options: SluiceOptions<Req>,
  toMiddleware: (guard: Guard<Req>) => Middleware,
): Limit<Req, Middleware> {
  const { store, defaults, share } = checkSluiceOptions(options)
  const failover = failoverOf(store)
  const events = requestEvents<Req>()
  const nameNext = namer(store)
  const names = new LimitNames()
  const checkProxies = proxyCheck(reader)
  const limit = (
    policies: LimitPolicyLike<Req> | readonly LimitPolicyLike<Req>[] | PolicyFunction<Req>,
    own: LimitOptions<Req> = {},
  ): Middleware => {
    const checked = checkLimitOptions('limit()', own, defaults, share)
    const name = own.name ?? nameNext(checked.name ?? 'default')
    const guard = new Guard({ name, policies, options: checked, reader, failover, events, names, checkProxies })
    names.add(name, guard.policies, own.name === undefined)
    return toMiddleware(guard)
  }
  const on: Limit<Req, Middleware>['on'] = (name, listener) => {
    const offs = [events.on(name, listener), listenToStore(failover, name, listener)]
    return () => {
      for (const off of offs) off?.()
    }
  }
  return Object.assign(limit, { on, store, close: () => failover.close() })
}

/** The store's own events: where nobody listens to them, the process is warned. */
function listenToStore<Req, Name extends keyof Events<Req>>(
  failover: Failover,
  name: Name,
  listener: Listener<Events<Req>[Name]>,
): (() => void) | undefined {
  return name === 'degraded' || name === 'recovered' || name === 'error'
    ? failover.on(name, listener as Listener<StoreEvents[keyof StoreEvents]>)
    : undefined
}

/** `default`, `default-2`, …: the same in every process that runs the same code. */
function namer(store: Store): (base: string) => string {
  let unnamed = 0
  return (base) => {
    unnamed += 1
    if (unnamed === 2 && !isLocal(store)) {
      warn(
        'SLUICE_UNNAMED',
        'Several limits without a name share a store: they are told apart by the order in which they are made. ' +
          "Give each a name, as in limit('100/min', { name: 'search' }).",
      )
    }
    return unnamed === 1 ? base : `${base}-${unnamed}`
  }
}

function isLocal(store: Store): store is MemoryStore {
  return 'size' in store
}

/** A proxy adds its field to every request: so many are looked at, then one in so many. */
const LOOKED_AT = 100

/** Says once, at the first request that shows it, that client addresses cannot be right. */
function proxyCheck<Req>(reader: RequestReader<Req>): (request: Req) => void {
  let trustsAll: boolean | undefined
  let warned = false
  let seen = 0
  return (request) => {
    if (warned || trustsAll === true) return
    if (trustsAll === undefined) {
      trustsAll = reader.proxies(request) === 'all'
      if (trustsAll) {
        warn(
          'SLUICE_TRUSTS_ALL_PROXIES',
          'Every proxy is trusted, so any client can choose its IP address by sending X-Forwarded-For, and with it its limit. ' +
            `Trust only your own proxies: ${reader.trustAdvice}.`,
        )
        return
      }
    }
    seen += 1
    if (seen > LOOKED_AT && seen % LOOKED_AT !== 0) return
    if (reader.headers(request)['x-forwarded-for'] === undefined || !isUnread(reader, request)) return
    warned = true
    warn(
      'SLUICE_PROXY_NOT_TRUSTED',
      'A request came with X-Forwarded-For, but its client address is that of the connection: all clients behind your ' +
        `proxy share one limit. Trust your own proxies: ${reader.trustAdvice}.`,
    )
  }
}

/** The framework trusts nobody, or trusts others than the proxy that is at the other end, on a private network. */
function isUnread<Req>(reader: RequestReader<Req>, request: Req): boolean {
  const peer = reader.peer(request)
  if (peer === undefined || reader.ip(request) !== peer) return false
  return reader.proxies(request) === 'untrusted' || isPrivate(peer)
}

/** Loopback, private and unique local addresses (RFC 1918, RFC 4193, RFC 6598): where proxies are, and clients are not. */
function isPrivate(address: string): boolean {
  const bare = address.replace(/^::ffff:/i, '')
  return (
    /^(?:10|127)\.|^192\.168\.|^172\.(?:1[6-9]|2\d|3[01])\.|^100\.(?:6[4-9]|[7-9]\d|1[01]\d|12[0-7])\./.test(bare) ||
    /^(?:::1$|f[cd])/i.test(bare)
  )
}
