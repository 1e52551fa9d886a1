import type { Failover } from '../failover/failover.js'
import type { LimitEvents } from '../limiter/events.js'
import type { UsageLedger } from '../limiter/ledger.js'
import type { ObservedDecisions } from '../observe/observed-decisions.js'
import type { ExemptPaths } from './exempt-paths.js'
import type { LimitNames } from './limit-names.js'
import type { CheckedOptions, PlainPolicies } from './limit-options.js'
import type { Measure } from './measured.js'
import type { RequestReader } from './passage.js'
import type { RequestChecks } from './request-checks.js'

/** What one `limit()` call is made of. */
export interface GuardParts<Req> {
  readonly name: string
  readonly policies: PlainPolicies<Req>
  /** What measures them, where their costs lie in bodies. */
  readonly measure: Measure<Req> | undefined
  readonly options: CheckedOptions<Req>
  readonly reader: RequestReader<Req>
  readonly failover: Failover
  readonly ledger: UsageLedger | undefined
  readonly events: LimitEvents<Req>
  readonly observers: ObservedDecisions
  readonly names: LimitNames
  readonly checks: RequestChecks<Req>
  readonly exempt: ExemptPaths
}
