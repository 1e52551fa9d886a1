import type { Decision } from '../decisions/decision.js'
import { ConfigError } from '../errors.js'
import type { Costs, Keys } from '../limiter/costs.js'
import type { Cost, Limiter } from '../limiter/limiter.js'
import type { Store } from '../stores/store.js'
import { addressKey } from './client-ip.js'

/** What a limit can do beside limiting requests: on its own buckets, by key. */
export interface LimitControls<Req> {
  /**
   * What a request with this key would be answered now; takes nothing. An IP address is the key of the client that has it,
   * where the limit has no key of its own.
   * @example (await login.peek('203.0.113.7')).binding?.remaining
   * @throws {KeyError} when a key is not a string or empty.
   */
  peek(key: Keys, options?: Cost): Decision | Promise<Decision>
  /**
   * Resets a key: its buckets are fresh again.
   * @example app.post('/unlock/:address', async (req, res) => res.json(await login.reset(req.params.address)))
   */
  reset(key: Keys): void | Promise<void>
  /** The key of a request: one string, or by the policies' names where they have keys of their own. */
  keyOf(request: Req): Keys | Promise<Keys>
}

/**
 * Controls over the limiter that shares a limit's buckets; none where its policies depend on the request. `byAddress` names the
 * policies whose keys are made of the client's address.
 */
export function controlsOf<Req>(
  limiter: Limiter<Store> | undefined,
  byAddress: ReadonlySet<string>,
  ipv6Prefix: number,
  keyOf: (request: Req) => Keys | Promise<Keys>,
): LimitControls<Req> {
  const fixed = (): Limiter<Store> => {
    if (limiter !== undefined) return limiter
    throw new ConfigError(
      "This limit's policies depend on the request. Give them to createLimiter({ name, policies, store: limit.store }).",
    )
  }
  const normal = (key: Keys): Keys => {
    if (typeof key === 'string') {
      return limiter?.policies.every(({ name }) => byAddress.has(name)) ? addressKey(key, ipv6Prefix) : key
    }
    if (typeof key !== 'object' || key === null) return key
    const entries = Object.entries(key).map(([name, own]): [string, string] => {
      return [name, byAddress.has(name) && typeof own === 'string' ? addressKey(own, ipv6Prefix) : own]
    })
    return Object.fromEntries(entries)
  }
  return {
    peek: (key, options?: { readonly cost?: Costs | undefined }) => fixed().peek(normal(key), options),
    reset: (key) => fixed().reset(normal(key)),
    keyOf,
  }
}
