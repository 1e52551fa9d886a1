import type { LimitOptions, LimitPolicy, LimitPolicyLike } from '@sluice/core/http'
import type { Config, ConfigRequest, ConfiguredLimit } from './config.js'
import { keyFrom, planFrom } from './request-sources.js'
import type { ParsedFile } from './schema/file.js'
import type { Key } from './schema/keys.js'
import type { ParsedLimit } from './schema/limits.js'
import type { ParsedOptions } from './schema/options.js'
import type { ParsedPolicy } from './schema/policies.js'

type KeyOption = LimitOptions<ConfigRequest>['key']

/** How the keys of a limit are made where the file names sources. */
type KeyMaker = (key: Key | undefined) => KeyOption

/** The configuration that a file describes. */
export function makeConfig({ store, defaults = {}, plans, limits }: ParsedFile): Config {
  const { key, ...options } = defaults
  const keys = keyMaker(defaults.ipv6Prefix)
  // Without a key of its own a limit is by address, which core knows best.
  const base = isAddress(key) ? undefined : key
  return given<Config>({
    ...options,
    key: keys(base),
    store,
    plans: plans && mapped(plans, (policies) => policies.map((policy) => made(policy, keys))),
    limits: limits && mapped(limits, (limit) => limitOf(limit, { ...defaults, key: base })),
  })
}

function limitOf({ policies, plan, key, ...options }: ParsedLimit, defaults: ParsedOptions): ConfiguredLimit {
  const keys = keyMaker(options.ipv6Prefix ?? defaults.ipv6Prefix)
  const byAddress = isAddress(key) && defaults.key === undefined
  return given<ConfiguredLimit & object>({
    ...options,
    // The default's sources, too, by this limit's prefix.
    key: keys(byAddress ? undefined : (key ?? (options.ipv6Prefix === undefined ? undefined : defaults.key))),
    policies: policies?.map((policy) => made(policy, keys)),
    plan: typeof plan === 'string' ? planFrom(plan) : plan,
  })
}

function made({ policy, name, key, cost }: ParsedPolicy, keys: KeyMaker): LimitPolicyLike<ConfigRequest> {
  if (name === undefined && key === undefined && cost === undefined) return policy
  return given<LimitPolicy<ConfigRequest>>({ policy, name, key: keys(key), cost })
}

function keyMaker(ipv6Prefix: number | undefined): KeyMaker {
  return (key) => (key === undefined || typeof key === 'function' ? key : keyFrom(key, ipv6Prefix))
}

function isAddress(key: Key | undefined): boolean {
  return typeof key === 'object' && key.length === 1 && key[0] === 'ip'
}

/** Without what is not given. */
function given<T extends object>(options: T): T {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as T
}

function mapped<From, To>(record: Readonly<Record<string, From>>, map: (value: From) => To): Record<string, To> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, map(value)]))
}
