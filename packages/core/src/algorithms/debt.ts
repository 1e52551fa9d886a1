import type { Policy } from '../policies/policy.js'

/** The units that a soft policy takes of a cost for which there is no room: as many as fit below its largest debt. */
export function owedOf({ capacity, maxDebt }: Policy, used: number, cost: number): number {
  return Math.max(0, Math.min(cost, capacity + maxDebt - used))
}
