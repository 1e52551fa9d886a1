import type { Decision, Policy, Standing } from '@sluice/core'
import { isShutOut, isUndecided } from '@sluice/core/observe'

/** What became of a request. */
export const RESULTS = [
  'allowed',
  'limited',
  'shadow_limited',
  'soft_limited',
  'canceled',
  'banned',
  'skipped',
  'failed_open',
  'failed_closed',
] as const

export type Result = (typeof RESULTS)[number]

/** What a request ran into. */
export type Reason = 'rate' | 'quota' | 'concurrency' | 'ban'

/** One policy's part. */
export type PolicyResult = 'allowed' | 'limited' | 'shadow_limited' | 'soft_limited'

/** Whether a policy let a request pass, and that is all there is to say. */
export function isPlain({ allowed, policy, period }: Standing): boolean {
  return allowed && !policy.soft && period === undefined
}

export function policyResultOf({ allowed, policy, period, debt }: Standing): PolicyResult {
  if (!allowed) return policy.shadow ? 'shadow_limited' : 'limited'
  // A soft policy lets pass what it would otherwise deny, and so does a quota within its overage.
  const isOver = period === undefined ? policy.soft && debt > 0 : period.overTaken > 0
  return isOver ? 'soft_limited' : 'allowed'
}

/** A decision's result, and the standing that it is due to where that is not all of them. */
export function resultOf(decision: Decision): { readonly result: Result; readonly due: Standing | undefined } {
  const { allowed, degraded, override, standings } = decision
  if (isShutOut(override)) return { result: allowed ? 'shadow_limited' : 'banned', due: standings[0] }
  if (degraded && allowed && standings.length === 0) return { result: 'failed_open', due: undefined }
  if (!allowed) return { result: isUndecided(decision) ? 'failed_closed' : 'limited', due: decision.binding }
  let due: Standing | undefined
  let result: Result = 'allowed'
  for (const standing of standings) {
    const one = policyResultOf(standing)
    if (one === 'allowed' || result === 'shadow_limited') continue
    result = one
    due = standing
  }
  return { result, due }
}

export function reasonOf(policy: Policy): Reason {
  if (policy.lease !== undefined) return 'concurrency'
  return policy.calendar === undefined ? 'rate' : 'quota'
}
