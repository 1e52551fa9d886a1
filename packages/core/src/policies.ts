import { slidingWindow } from './algorithms/sliding-window.js'
import { ConfigError, shown } from './errors.js'
import { type RateText, windowLabel } from './parse.js'
import { bindPolicy, checkName, isPolicy, type Policy } from './policy.js'

/** A policy as it may be written: `'100/min'` is `slidingWindow('100/min')`. */
export type PolicyLike = string | Policy

/** Several policies, whose texts are checked in the editor. */
export type PolicyList<L extends readonly PolicyLike[]> = {
  readonly [I in keyof L]: L[I] extends string ? RateText<L[I]> : L[I]
}

/** What a limit says of all its policies. */
export interface Naming {
  readonly name: string
  readonly shadow?: boolean | undefined
  readonly warnAt?: number | readonly number[] | undefined
}

/**
 * Named policies, complete and checked. One policy has the limit's name; of several, each has its window behind it.
 * @throws {ConfigError} on what is no policy, on none at all, and on two of one name.
 */
export function bindPolicies(given: PolicyLike | readonly PolicyLike[], naming: Naming): readonly Policy[] {
  const list: readonly PolicyLike[] = Array.isArray(given) ? given : [given as PolicyLike]
  if (list.length === 0) throw new ConfigError('policies: expected at least one, got an empty array.')
  const shadow = naming.shadow ?? false
  const warnAt = checkWarnAt(naming.warnAt ?? [])
  const policies = list.map((one) => {
    const policy = toPolicy(one)
    const named = list.length === 1 ? naming.name : `${naming.name}-${windowLabel(policy.windowMs)}`
    return bindPolicy(policy, { name: checkName(policy.name === '' ? named : policy.name), shadow, warnAt })
  })
  refuseSameNames(policies)
  return policies
}

function toPolicy(value: PolicyLike): Policy {
  if (typeof value === 'string') return slidingWindow<string>(value)
  if (isPolicy(value)) return value
  throw new ConfigError(
    `policies: expected a limit such as '100/min' or a policy such as tokenBucket('10/s'), got ${shown(value)}.`,
  )
}

function refuseSameNames(policies: readonly Policy[]): void {
  const names = new Set<string>()
  for (const { name } of policies) {
    if (names.has(name)) {
      throw new ConfigError(
        `policies: two are named "${name}". Give one a name of its own, as in slidingWindow('10/s', { name: 'short' }).`,
      )
    }
    names.add(name)
  }
}

function checkWarnAt(warnAt: number | readonly number[]): readonly number[] {
  const shares: readonly unknown[] = Array.isArray(warnAt) ? warnAt : [warnAt]
  return shares
    .map((share) => {
      if (typeof share === 'number' && share > 0 && share <= 1) return share
      throw new ConfigError(`warnAt: expected shares above 0 and up to 1, as in 0.8, got ${shown(share)}.`)
    })
    .sort((a, b) => a - b)
}
