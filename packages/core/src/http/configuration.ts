import type { Store } from '../stores/store.js'
import type { LimitOptions, LimitPolicyLike, SluiceOptions } from './limit-options.js'
import type { PlanPolicies } from './plans.js'

/** A limit of a configuration: its policies, or by plan those of `plans`; and a limit's options. */
export interface ConfiguredLimit<Req> extends Omit<LimitOptions<Req>, 'name'> {
  readonly policies?: LimitPolicyLike<Req> | readonly LimitPolicyLike<Req>[] | undefined
  /** Tells a request's plan, in place of `policies`. */
  readonly plan?: ((request: Req) => string | Promise<string>) | undefined
}

/** Limits by name, as `loadConfig` of `@sluice/config` reads them from a file. */
export interface Configuration<Req> {
  /** The policies of each plan, for the limits that go by plan. */
  readonly plans?: PlanPolicies<Req> | undefined
  /** What `limit.named` makes middleware of. */
  readonly limits?:
    | Readonly<Record<string, ConfiguredLimit<Req> | LimitPolicyLike<Req> | readonly LimitPolicyLike<Req>[]>>
    | undefined
  /** Calls `apply` with each new configuration; returns a function that stops. What `apply` throws leaves the old one. */
  readonly watch?: ((apply: (next: SluiceOptions<Req>) => void) => () => void) | undefined
  readonly store?: Store | string | undefined
}
