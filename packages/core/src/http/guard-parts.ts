import type { Failover } from '../failover/failover.js'
import type { LimitEvents } from '../limiter/events.js'
import type { LimitNames } from './limit-names.js'
import type { CheckedOptions, LimitPolicyLike, PolicyFunction } from './limit-options.js'
import type { RequestReader } from './passage.js'
import type { RequestChecks } from './request-checks.js'

/** What one `limit()` call is made of. */
export interface GuardParts<Req> {
  readonly name: string
  readonly policies: LimitPolicyLike<Req> | readonly LimitPolicyLike<Req>[] | PolicyFunction<Req>
  readonly options: CheckedOptions<Req>
  readonly reader: RequestReader<Req>
  readonly failover: Failover
  readonly events: LimitEvents<Req>
  readonly names: LimitNames
  readonly checks: RequestChecks<Req>
}
