import { ConfigError } from '../errors.js'
import type { Failover } from '../failover/failover.js'
import type { Share } from '../failover/share.js'
import type { LimitEvents } from '../limiter/events.js'
import type { UsageLedger } from '../limiter/ledger.js'
import { StoreLimiter } from '../limiter/limiter.js'
import type { ObservedDecisions } from '../observe/observed-decisions.js'
import type { Policy } from '../policies/policy.js'
import type { ExemptPaths } from './exempt-paths.js'
import { Guard } from './guard.js'
import { controlsOf, type LimitControls } from './limit-controls.js'
import type { LimitNames } from './limit-names.js'
import { checkLimitOptions, type LimitOptions, type LimitPolicies, type PlainPolicies } from './limit-options.js'
import { isMeasured } from './measured.js'
import type { RequestReader } from './passage.js'
import { isPlans } from './plans.js'
import type { RequestChecks } from './request-checks.js'

/** What all limits of one `sluice()` are made with. */
export interface Workshop<Req> {
  readonly reader: RequestReader<Req>
  readonly failover: Failover
  readonly ledger: UsageLedger | undefined
  readonly events: LimitEvents<Req>
  readonly observers: ObservedDecisions
  readonly checks: RequestChecks<Req>
  readonly exempt: ExemptPaths
  readonly share: Share
}

/** A limit, before a framework's middleware is made of it. */
export interface MadeLimit<Req extends object> {
  readonly name: string
  readonly guard: Guard<Req>
  readonly controls: LimitControls<Req>
  /** The same without what a request knows: by whole keys, of every policy that the limit has. */
  readonly limiter: StoreLimiter
}

/** A limit of this name. @throws {ConfigError} on what cannot be right. */
export function makeLimit<Req extends object>(
  { share, ...workshop }: Workshop<Req>,
  names: LimitNames,
  name: string,
  isNamed: boolean,
  given: LimitPolicies<Req>,
  own: LimitOptions<Req>,
  defaults: LimitOptions<Req>,
): MadeLimit<Req> {
  const measure = isMeasured(given) ? given.bind(workshop.reader) : undefined
  const policies = measure?.policies ?? (given as PlainPolicies<Req>)
  // What is measured says how it denies, unless the limit's own options do.
  const inherited = measure?.response === undefined ? defaults : { ...defaults, response: undefined, deny: undefined }
  if (measure !== undefined && own.cost !== undefined) {
    throw new ConfigError('cost: llm() knows what a request costs. Give a policy in its limits a cost of its own.')
  }
  const options = checkLimitOptions('limit()', own, inherited, share)
  const guard = new Guard<Req>({ ...workshop, name, policies, measure, options, names })
  const [first = [], ...others] = guard.policies
  names.add(name, first, !isNamed)
  for (const plan of others) names.check(plan)
  const limiter = new StoreLimiter(name, distinct(guard.policies.flat()), guard.decider, options.keepIdsMs, 1)
  const depends = isPlans<Req>(policies) ? 'plans' : typeof policies === 'function' ? 'function' : 'nothing'
  const keyOf = (request: Req) => guard.keyOf(request)
  return {
    name,
    guard,
    limiter,
    controls: controlsOf(limiter, depends, guard.addressPolicies, options.ipv6Prefix, keyOf),
  }
}

/** One for each bucket: plans share them. */
function distinct(policies: readonly Policy[]): readonly Policy[] {
  return [...new Map(policies.map((policy) => [policy.address, policy])).values()]
}
