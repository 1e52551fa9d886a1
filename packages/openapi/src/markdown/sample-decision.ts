import { createLimiter, type Decision, memoryStore } from '@sluice/core'
import type { DescribedLimit, DescribedPolicy } from '../limits/described-limit.js'

/** When the decisions on a page are made: always at the same time, so that a page only changes when its limits do. */
export const SAMPLE_TIME: number = Date.UTC(2026, 0, 1)

/** A limit's decisions about one client, as the server makes them. */
export interface SampleDecisions {
  readonly limit: DescribedLimit
  readonly allowed: Decision
  readonly denied: Decision
}

/** Decisions of the first of these limits that denies; `undefined` where none does. */
export function sampleDecisions(limits: readonly DescribedLimit[]): SampleDecisions | undefined {
  for (const limit of limits) {
    const policies = ofOnePlan(limit.policies)
    const first = policies.find(({ policy }) => !policy.soft && policy.lease?.shared !== true)
    if (first === undefined) continue
    const decisions = { limit, allowed: decided(policies, first, 1), denied: decided(policies, first, 2) }
    if (decisions.allowed.allowed && !decisions.denied.allowed) return decisions
  }
  return undefined
}

/** A client has one plan. */
function ofOnePlan(policies: readonly DescribedPolicy[]): readonly DescribedPolicy[] {
  const plan = policies.find((policy) => policy.plan !== undefined)?.plan
  return policies.filter((policy) => policy.plan === undefined || policy.plan === plan)
}

/** The decision about a client's first request, or about one after it has used up a policy. */
function decided(policies: readonly DescribedPolicy[], first: DescribedPolicy, turn: 1 | 2): Decision {
  const limiter = createLimiter({
    policies: policies.map(({ policy }) => policy),
    store: memoryStore({ clock: () => SAMPLE_TIME }),
  })
  const usual = Object.fromEntries(policies.map(({ name, cost = 1 }) => [name, cost]))
  if (turn === 2) limiter.consume('client', { cost: { ...usual, [first.name]: first.policy.capacity } })
  return limiter.consume('client', { cost: usual })
}
