import type { InstancesOption } from '@sluice/core'
import type { LimitOptions, LimitPolicyLike } from '@sluice/core/http'

/** What key and plan sources read of a request. Requests of Express and Fastify have it, and Koa's context. */
export interface ConfigRequest {
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  readonly ip?: string | undefined
}

/** One policy or several. */
export type ConfiguredPolicies = LimitPolicyLike<ConfigRequest> | readonly LimitPolicyLike<ConfigRequest>[]

/** A limit with options of its own: either by `policies`, or by the `plan` that a request is on. */
export interface ConfiguredLimitOptions extends Omit<LimitOptions<ConfigRequest>, 'name'> {
  readonly policies?: ConfiguredPolicies | undefined
  /** Returns the name of a request's plan. */
  readonly plan?: ((request: ConfigRequest) => string) | undefined
}

/** A limit: its policies, or these with options. */
export type ConfiguredLimit = ConfiguredPolicies | ConfiguredLimitOptions

/** A configuration, complete and checked, as `sluice()` takes it: the store, defaults for every limit, plans and limits. */
export interface Config extends Omit<LimitOptions<ConfigRequest>, 'name'>, InstancesOption {
  /** The store's URL. */
  readonly store?: string | undefined
  /** Policies by the name of a plan. */
  readonly plans?: Readonly<Record<string, ConfiguredPolicies>> | undefined
  /** Limits by name. */
  readonly limits?: Readonly<Record<string, ConfiguredLimit>> | undefined
  /**
   * Present with `watch: true`. Calls `apply` with each new, valid configuration; if `apply` throws, the error is reported
   * and the old configuration stays. Returns a function that stops watching.
   */
  watch?(apply: (next: Config) => void): () => void
}
