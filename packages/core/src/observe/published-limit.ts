import { failoverOf } from '../failover/failover.js'
import { checkFailure } from '../failover/failure.js'
import { Share } from '../failover/share.js'
import { Decider } from '../limiter/decider.js'
import { StoreLimiter } from '../limiter/limiter.js'
import { bindPolicy, bucketOf, isPolicy, type Policy } from '../policies/policy.js'
import { restoredPolicy, type StoredPolicy, storedPolicy } from '../policies/stored-policy.js'
import type { Store } from '../stores/store.js'
import type { ObservedLimit } from './observable.js'
import { ObservedDecisions } from './observed-decisions.js'

/** A policy of a limit, under the names that its buckets and its clients know it by. */
interface Published {
  readonly name: string
  readonly bucket: string
  readonly shadow: boolean
  readonly policy: StoredPolicy
}

/** A limit as a text, from which another process can make one over the same buckets. */
export function publishedLimit({ name, policies }: Pick<ObservedLimit, 'name' | 'policies'>): string {
  const list = policies.map((policy): Published => {
    const bucket = bucketOf(policy)
    return { name: policy.name, bucket, shadow: policy.shadow, policy: storedPolicy(policy) }
  })
  return JSON.stringify([name, list])
}

/**
 * The limit that a text describes.
 * @throws {ConfigError} where it describes none, or a calendar that this process does not know.
 */
export function restoredLimit(text: string, store: Store): ObservedLimit {
  const [name, list] = JSON.parse(text) as [string, readonly Published[]]
  const policies = list.map(({ bucket, policy, ...own }): Policy => {
    const restored = restoredPolicy(policy)
    if (!isPolicy(restored)) throw new TypeError('A published policy is one, and no text.')
    return bindPolicy(restored, { ...own, bucket, plan: undefined, warnAt: [], warnEvery: 0 })
  })
  const failover = failoverOf(store)
  const observers = new ObservedDecisions((error) => failover.report(error))
  const decider = new Decider({ name }, failover, checkFailure({}, new Share(1)), undefined, observers)
  return { name, policies, controls: new StoreLimiter(name, policies, decider, 86_400_000, 1) }
}
