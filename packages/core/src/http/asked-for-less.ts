import { type Ask, askedAnew } from '../decisions/ask.js'
import type { Decision } from '../decisions/decision.js'

/**
 * What is estimated at more than a limit can hold asks for all that is left of it, if it surely needs no more than that. `undefined` where a
 * decision would be a denial all the same, or was none.
 */
export function askedForLess({ allowed, degraded, asks, standings, override }: Decision): readonly Ask[] | undefined {
  if (allowed || degraded || typeof override?.to === 'string') return undefined
  const less = asks.map((ask, i) => {
    const standing = standings[i]
    const { policy, key, estimate } = ask
    if (standing === undefined || standing.allowed || policy.shadow) return ask
    const { remaining } = standing
    const isEnough =
      estimate !== undefined && estimate.units > policy.capacity && remaining >= Math.max(1, estimate.least)
    return isEnough ? { policy, key, cost: remaining, estimate } : undefined
  })
  return less.includes(undefined) ? undefined : askedAnew(less.filter((ask) => ask !== undefined))
}
