import type { Policy } from '../policies/policy.js'
import type { Unit } from '../policies/rate.js'
import type { Decision } from './decision.js'

/** The true cost, in one unit or in several. */
export type Settled = number | Readonly<Partial<Record<Unit, number>>>

/** Settles decisions when their true cost is known. */
export interface Settler {
  settle(decision: Decision, units: Settled, unit: Unit | undefined): boolean | Promise<boolean>
  cancel(decision: Decision): boolean | Promise<boolean>
  extend(decision: Decision, units: number, unit: Unit | undefined): Decision | Promise<Decision>
}

/** By policy, of which each limit has its own: a decision so needs nothing to be settled later. */
const settlers = new WeakMap<Policy, Settler>()

export function settleBy(policies: readonly Policy[], settler: Settler): void {
  for (const policy of policies) settlers.set(policy, settler)
}

/** Who settles the decisions of this policy. */
export function settlerOf(policy: Policy | undefined): Settler | undefined {
  return policy === undefined ? undefined : settlers.get(policy)
}
