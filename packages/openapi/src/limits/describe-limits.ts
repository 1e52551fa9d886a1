import { ConfigError, memoryStore } from '@sluice/core'
import { type Configuration, createLimit, type LimitOptions, type RequestReader } from '@sluice/core/http'
import { enforcedBy } from '@sluice/core/observe'
import { shown } from '@sluice/core/runtime'
import { checkDescribeOptions, type DescribedLimit, type DescribeOptions, describedLimit } from './described-limit.js'

/** A configuration as `loadConfig` of `@sluice/config` returns it. */
export interface LimitsConfig<Req = never> extends Configuration<Req>, Omit<LimitOptions<Req>, 'name'> {}

/**
 * The limits of a configuration, as `sluice()` would enforce them. Opens no store.
 * @example describeLimits(await loadConfig())
 * @throws {ConfigError} on a configuration that `sluice()` would not take.
 */
export function describeLimits<Req extends object>(
  config: LimitsConfig<Req>,
  options: DescribeOptions = {},
): readonly DescribedLimit[] {
  checkDescribeOptions('describeLimits()', options)
  if (typeof config !== 'object' || config === null) {
    throw new ConfigError(`describeLimits() takes a configuration, as loadConfig() returns it, got ${shown(config)}.`)
  }
  const { watch: _watch, ...fixed } = config
  const limit = createLimit<Req, () => void, undefined>(
    NO_REQUESTS,
    { ...fixed, store: memoryStore() },
    () => () => undefined,
    () => undefined,
  )
  return Object.keys(config.limits ?? {}).flatMap((name) => {
    const enforced = enforcedBy(limit.named(name))
    return (enforced && describedLimit(enforced, options)) ?? []
  })
}

/** Limits that are only described meet no request. */
const NO_REQUESTS: RequestReader<object> = {
  ip: () => undefined,
  peer: () => undefined,
  headers: () => ({}),
  proxies: () => 'untrusted',
  bodyAdvice: '',
  trustAdvice: '',
}
