import type { Ask, GivenBack, Return } from '../decisions/ask.js'
import type { Once, OnceAnswer } from '../decisions/edit.js'
import type { Renewal } from '../decisions/lease.js'
import { Standing } from '../decisions/standing.js'
import { largestDebt } from '../policies/debt.js'
import type { Policy } from '../policies/policy.js'
import type { SyncStore } from '../stores/store.js'

/** One of several servers that cannot ask each other: each has its share of every quota, at least one unit. */
export class Share {
  readonly #instances: number
  readonly #policies = new WeakMap<Policy, Policy>()

  constructor(instances: number) {
    this.#instances = instances
  }

  consume(store: SyncStore, asks: readonly Ask[]): readonly Standing[] {
    return this.#asAsked(asks, store.consume(this.#asks(asks)))
  }

  consumeOnce(store: SyncStore, asks: readonly Ask[], once: Once): OnceAnswer<Standing> {
    const { standings, repeated } = store.consumeOnce(this.#asks(asks), once)
    return { standings: this.#asAsked(asks, standings), repeated }
  }

  peek(store: SyncStore, asks: readonly Ask[]): readonly Standing[] {
    return this.#asAsked(asks, store.peek(this.#asks(asks)))
  }

  refund(store: SyncStore, returns: readonly Return[], once: Once | undefined): GivenBack {
    const asks = this.#asks(returns)
    return store.refund(
      returns.map(({ at }, i) => ({ ...(asks[i] as Ask), at })),
      once,
    )
  }

  renew(store: SyncStore, renewals: readonly Renewal[]): readonly boolean[] {
    const asks = this.#asks(renewals)
    return store.renew(renewals.map((renewal, i) => ({ ...renewal, ...(asks[i] as Ask), lease: renewal.lease })))
  }

  policy(policy: Policy): Policy {
    if (this.#instances === 1) return policy
    let share = this.#policies.get(policy)
    if (share === undefined) {
      share = policy.calendar === undefined ? this.#ofRate(policy) : this.#ofQuota(policy)
      this.#policies.set(policy, share)
    }
    return share
  }

  #ofRate(policy: Policy): Policy {
    const queue = policy.capacity - policy.burst
    const burst = this.#of(policy.burst)
    const capacity = burst + (queue === 0 ? 0 : this.#of(queue))
    const share = { ...policy, quota: this.#of(policy.quota), burst, capacity }
    return { ...share, maxDebt: Math.min(Math.floor(policy.maxDebt / this.#instances), largestDebt(share)) }
  }

  /** What a period leaves to the next is not known here. */
  #ofQuota(policy: Policy): Policy {
    const quota = this.#of(policy.quota)
    const overage = Math.floor(policy.overage / this.#instances)
    const capacity = policy.soft ? policy.capacity : quota + overage
    return { ...policy, quota, burst: quota, overage, capacity, rollover: 0 }
  }

  #of(units: number): number {
    return Math.max(1, Math.floor(units / this.#instances))
  }

  /** A request that costs more than a share, but not more than the whole, takes the share; of a soft policy, what it costs. */
  #asks(asks: readonly Ask[]): readonly Ask[] {
    return asks.map((ask) => {
      const { policy, cost } = ask
      const share = this.policy(policy)
      const isWhole = policy.soft || cost > policy.capacity
      return { ...ask, policy: share, cost: isWhole ? cost : Math.min(cost, share.capacity) }
    })
  }

  /** Under the policies that were asked for: the client's limit is called what it was called before. */
  #asAsked(asks: readonly Ask[], standings: readonly Standing[]): readonly Standing[] {
    return standings.map((own, i) => {
      const policy = asks[i]?.policy ?? own.policy
      return Standing.like(own, { policy })
    })
  }
}
