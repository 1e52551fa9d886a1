import { warn } from '../builtin.js'
import type { Listener } from '../emitter.js'
import { type Failover, failoverOf } from '../failover/failover.js'
import type { MemoryStore } from '../memory-store.js'
import type { RateText } from '../parse.js'
import type { PolicyLike, PolicyList } from '../policies.js'
import type { Policy } from '../policy.js'
import type { Store } from '../store.js'
import type { RequestReader } from './adapter.js'
import { type Events, type RequestEvents, requestEvents } from './events.js'
import { Guard } from './guard.js'
import {
  checkLimitOptions,
  checkSluiceOptions,
  type LimitOptions,
  type PolicyFunction,
  type SluiceOptions,
} from './limit-options.js'

/** What every adapter's `sluice()` returns: `limit`, which makes a `Middleware` of policies. */
export interface Limit<Req, Middleware> {
  /**
   * One line a route: policies, or a function that tells them of each request (plans, tiers), then checked at that request.
   * @example app.get('/search', limit(['10/s', '1000/day']))
   * @throws {ConfigError} on anything that cannot be right.
   */
  <const T extends string, const L extends readonly PolicyLike[]>(
    policies: RateText<T> | Policy | PolicyList<L> | PolicyFunction<Req>,
    options?: LimitOptions<Req>,
  ): Middleware
  /** Listens to what all limits made here decide, and to how their store fares. Returns a function that stops listening. */
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
  const checkProxies = proxyCheck(reader)
  const limit = (
    policies: PolicyLike | readonly PolicyLike[] | PolicyFunction<Req>,
    own: LimitOptions<Req> = {},
  ): Middleware => {
    const checked = checkLimitOptions('limit()', own, defaults, share)
    const name = own.name ?? nameNext(checked.name ?? 'default')
    return toMiddleware(new Guard({ name, policies, options: checked, reader, failover, events, checkProxies }))
  }
  const listenToStore = bridge(failover, events)
  const on: Limit<Req, Middleware>['on'] = (name, listener) => {
    listenToStore(name)
    return events.on(name, listener)
  }
  return Object.assign(limit, { on, store, close: () => failover.close() })
}

/** Carries the store's events over to ours, from when somebody listens: until then the process is warned instead. */
function bridge<Req>(failover: Failover, events: RequestEvents<Req>): (name: string) => void {
  const bridges = new Map<string, () => void>([
    ['degraded', () => failover.on('degraded', (event) => events.emit('degraded', event))],
    ['recovered', () => failover.on('recovered', (event) => events.emit('recovered', event))],
    ['error', () => failover.on('error', (event) => events.emit('error', event))],
  ])
  return (name) => {
    bridges.get(name)?.()
    bridges.delete(name)
  }
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

/** Says once, at the first request that shows it, that client addresses cannot be right. */
function proxyCheck<Req>(reader: RequestReader<Req>): (request: Req) => void {
  let proxies: ReturnType<RequestReader<Req>['proxies']> | undefined
  let done = false
  return (request) => {
    if (done) return
    if (proxies === undefined) {
      proxies = reader.proxies(request)
      done = proxies !== 'untrusted'
      if (proxies === 'all') {
        warn(
          'SLUICE_TRUSTS_ALL_PROXIES',
          'Every proxy is trusted, so any client can choose its IP address by sending X-Forwarded-For, and with it its limit. ' +
            'Trust the number or the addresses of your own proxies instead.',
        )
      }
    }
    if (proxies === 'untrusted' && reader.headers(request)['x-forwarded-for'] !== undefined) {
      done = true
      warn(
        'SLUICE_PROXY_NOT_TRUSTED',
        'A request came with X-Forwarded-For, but the framework trusts no proxy: all clients behind yours share one limit. ' +
          "Trust your own proxies (Express: app.set('trust proxy', 1), Koa: app.proxy with maxIpsCount, Fastify: trustProxy).",
      )
    }
  }
}
