import type { Decision } from '../decisions/decision.js'
import { ConfigError } from '../errors.js'
import type { Keys } from '../limiter/costs.js'
import type { Cost, Limiter } from '../limiter/limiter.js'
import type { Store } from '../stores/store.js'
import { addressKey } from './client-ip.js'

type Shared = 'history' | 'grant' | 'revoke' | 'override' | 'overrides' | 'ban' | 'unban' | 'bans'

/**
 * What a limit can do beside limiting requests: on its own buckets, by key. An IP address is the key of the client that has it,
 * where the limit has no key of its own.
 */
export interface LimitControls<Req> extends Pick<Limiter<Store>, Shared> {
  /**
   * What a request with this key would be answered now; takes nothing.
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
 * Controls over the limiter that shares a limit's buckets. `depends` is what its policies depend on; `byAddress` names those
 * whose keys are made of the client's address.
 */
export function controlsOf<Req>(
  limiter: Limiter<Store>,
  depends: 'nothing' | 'plans' | 'function',
  byAddress: ReadonlySet<string>,
  ipv6Prefix: number,
  keyOf: (request: Req) => Keys | Promise<Keys>,
): LimitControls<Req> {
  const fixed = (): Limiter<Store> => {
    if (depends === 'nothing') return limiter
    throw new ConfigError(
      "This limit's policies depend on the request. Give them to createLimiter({ name, policies, store: limit.store }).",
    )
  }
  const known = (): Limiter<Store> => (depends === 'plans' ? limiter : fixed())
  const isByAddress = limiter.policies.length > 0 && limiter.policies.every(({ name }) => byAddress.has(name))
  const one = (key: string): string => (isByAddress && typeof key === 'string' ? addressKey(key, ipv6Prefix) : key)
  const normal = (key: Keys): Keys => {
    if (typeof key !== 'object' || key === null) return one(key)
    const entries = Object.entries(key).map(([name, own]): [string, string] => {
      return [name, byAddress.has(name) && typeof own === 'string' ? addressKey(own, ipv6Prefix) : own]
    })
    return Object.fromEntries(entries)
  }
  return {
    peek: (key, options?: Cost) => fixed().peek(normal(key), options),
    reset: (key) => known().reset(normal(key)),
    history: (key, options) => known().history(normal(key), options),
    grant: (key, units, options) => known().grant(one(key), units, options),
    revoke: (key, id, options) => known().revoke(one(key), id, options),
    override: (key, to, options) => limiter.override(one(key), to, options),
    overrides: () => limiter.overrides(),
    ban: (key, options) => limiter.ban(one(key), options),
    unban: (key) => limiter.unban(one(key)),
    bans: () => limiter.bans(),
    keyOf,
  }
}
