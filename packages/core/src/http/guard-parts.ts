import type { Failover } from '../failover/failover.js'
import type { RequestEvents } from './events.js'
import type { LimitNames } from './limit-names.js'
import type { CheckedOptions, LimitPolicyLike, PolicyFunction } from './limit-options.js'
import type { RequestReader } from './passage.js'

/** What one `limit()` call is made of. */
export interface GuardParts<Req> {
  readonly name: string
  readonly policies: LimitPolicyLike<Req> | readonly LimitPolicyLike<Req>[] | PolicyFunction<Req>
  readonly options: CheckedOptions<Req>
  readonly reader: RequestReader<Req>
  readonly failover: Failover
  readonly events: RequestEvents<Req>
  readonly names: LimitNames
  /** Looks at how the framework reads addresses, before the first key is made of one. */
  readonly checkProxies: (request: Req) => void
}
