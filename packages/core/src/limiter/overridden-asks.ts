import { type Ask, newAsk, newEstimate } from '../decisions/ask.js'
import { isShutOut, type Override } from '../decisions/override.js'
import { Standing } from '../decisions/standing.js'
import { ConfigError, describe } from '../errors.js'
import type { Failover } from '../failover/failover.js'
import { bindPolicies, type Naming } from '../policies/bind-policies.js'
import { asSliding, type Policy } from '../policies/policy.js'
import { restoredPolicy } from '../policies/stored-policy.js'
import type { Overrides } from './overrides.js'

/** What is asked for in place of a limit's own asks; of a key that is blocked, that alone. */
interface Overridden {
  readonly left: readonly Ask[]
  readonly override: Override | undefined
}

type ByPlan = Map<string | undefined, readonly Policy[] | undefined>

/** What a limit asks for where its policies are overridden for a key. */
export class OverriddenAsks {
  readonly #naming: Naming
  readonly #overrides: Overrides
  readonly #failover: Failover
  readonly #onBound: (policies: readonly Policy[]) => void
  /** The policies of each override by the plan that they stand in for, made once; `undefined` where they cannot be. */
  readonly #bound = new WeakMap<Override, ByPlan>()

  constructor(
    naming: Naming,
    overrides: Overrides,
    failover: Failover,
    onBound: (policies: readonly Policy[]) => void,
  ) {
    this.#onBound = onBound
    this.#naming = naming
    this.#overrides = overrides
    this.#failover = failover
  }

  /** What holds for the key of each ask. */
  allOf(asks: readonly Ask[]): readonly (Override | undefined)[] {
    return asks.map(({ key }) => this.#overrides.find(this.#naming.name, key))
  }

  /** The policies of an override for a key, if it has any. */
  policiesFor(key: string): readonly Policy[] {
    const override = this.#overrides.isEmpty ? undefined : this.#overrides.find(this.#naming.name, key)
    return (override && this.#policiesOf(override, [], undefined)) ?? []
  }

  of(asks: readonly Ask[]): Overridden {
    if (!this.#concerns(asks)) return { left: asks, override: undefined }
    const left: Ask[] = []
    const done = new Map<string, Override | undefined>()
    for (const ask of asks) {
      const known = done.has(ask.key)
      const override = known ? done.get(ask.key) : this.#overrides.find(this.#naming.name, ask.key)
      if (isShutOut(override)) return { left: [ask], override }
      const own = known ? [] : asks.filter(({ key }) => key === ask.key)
      const policies = override === undefined || known ? undefined : this.#policiesOf(override, own, ask.policy.plan)
      // An override that cannot be used here leaves the limit as it is.
      const holds = known ? override : policies === undefined ? undefined : override
      done.set(ask.key, holds)
      if (holds === undefined) left.push(ask)
      else if (!known) left.push(...(policies ?? []).map((policy) => askLike(policy, own, ask)))
    }
    return { left, override: [...done.values()].find((one) => one !== undefined) }
  }

  /** As for most keys, where nothing holds for theirs. */
  #concerns(asks: readonly Ask[]): boolean {
    const { name } = this.#naming
    for (let i = 0; i < asks.length; i++) {
      const key = asks[i]?.key ?? ''
      if (key !== asks[i - 1]?.key && this.#overrides.find(name, key) !== undefined) return true
    }
    return false
  }

  /** None where nothing is limited; `undefined` where what the store says cannot be used. */
  #policiesOf(override: Override, own: readonly Ask[], plan: string | undefined): readonly Policy[] | undefined {
    if (typeof override.to === 'string') return []
    const bound: ByPlan = this.#bound.get(override) ?? new Map()
    if (!bound.has(plan)) {
      this.#bound.set(override, bound)
      try {
        const policies = bindPolicies(override.to.map(restoredPolicy), { ...this.#naming, plan })
        const counted = policies.map((policy) => countedAs(policy, own))
        this.#onBound(counted)
        bound.set(plan, counted)
      } catch (error) {
        bound.set(plan, undefined)
        const { name } = this.#naming
        this.#failover.report(
          new ConfigError(`An override of limit "${name}" cannot be used, and is ignored: ${describe(error)}`),
        )
      }
    }
    return bound.get(plan)
  }
}

/** A text of up to ten units is counted in another bucket than a larger one: here in that of the policy it stands in for. */
function countedAs(policy: Policy, own: readonly Ask[]): Policy {
  if (policy.algorithm !== 'exact-window') return policy
  const isLike = ({ policy: other }: Ask): boolean =>
    other.algorithm === 'sliding-window' && other.windowMs === policy.windowMs && other.unit === policy.unit
  return own.some(isLike) ? asSliding(policy) : policy
}

/**
 * At the cost of the policy that it stands in for: of that name, else of that bucket, else of that unit. Where nothing counts its unit,
 * a request is one, and anything else costs what the first does.
 */
function askLike(policy: Policy, own: readonly Ask[], first: Ask): Ask {
  const alike = own.filter((ask) => ask.policy.unit === policy.unit)
  const like =
    alike.find((ask) => ask.policy.name === policy.name) ??
    alike.find((ask) => ask.policy.address === policy.address) ??
    alike[0]
  if (like === undefined && policy.unit === 'requests') return newAsk(policy, first.key, 1)
  // What is estimated is settled, also where nothing was reserved.
  if (like === undefined)
    return newAsk(policy, first.key, own.some(({ estimate }) => estimate !== undefined) ? 0 : first.cost)
  return like.estimate === undefined
    ? newAsk(policy, first.key, like.cost)
    : newEstimate(policy, first.key, like.estimate)
}

/** How a policy stands for a key that is shut out: until the override ends, nothing passes. */
export function blockedStanding({ policy }: Ask, { expiresAt }: Override): Standing {
  const ms = expiresAt === null ? Number.POSITIVE_INFINITY : Math.max(1, expiresAt - Date.now())
  return new Standing(policy, false, 0, ms === Number.POSITIVE_INFINITY ? null : ms, ms, ms, 0, 0)
}
