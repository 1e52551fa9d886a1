import type { DescribedLimit, DescribedPolicy } from '../limits/described-limit.js'
import { GENERATOR, MARK } from './generated.js'
import type { Tree } from './tree.js'

/** The `x-ratelimit` block of an operation: its policies, for programs. */
export function rateLimitBlock(limits: readonly DescribedLimit[]): Tree {
  return { [MARK]: GENERATOR, policies: limits.flatMap((limit) => limit.policies.map(policyBlock)) }
}

/** Without what does not hold: an absent `window` is none in seconds, an absent `cost` depends on the request. */
function policyBlock({ name, quota, unit, window, period, key, cost, plan }: DescribedPolicy): Tree {
  const block = { name, quota, unit, window, period, key, cost, plan }
  return Object.fromEntries(Object.entries(block).filter(([, value]) => value !== undefined))
}
