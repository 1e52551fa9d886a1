import type { Ask } from '../decisions/ask.js'
import type { Decision } from '../decisions/decision.js'
import type { Settled } from '../decisions/settler.js'
import { ConfigError, shown } from '../errors.js'
import { asSoft } from '../policies/policy.js'
import type { Unit } from '../policies/rate.js'
import { onePer } from '../runtime/one-per.js'
import { checkCost } from './costs.js'
import { took } from './receipts.js'

/** What settling does to a decision: units of some of its policies to give back, and of others to take in addition. */
export interface Difference {
  readonly back: Readonly<Record<string, number>>
  readonly more: readonly Ask[]
}

/** Which asks of a decision have been settled. */
const settledOf = onePer((_: Decision) => new Set<Ask>())

/**
 * What has to be given back or taken so that a decision has taken `units`; each policy once. `undefined` where there is
 * nothing left to settle.
 * @throws {CostError} unless all are whole numbers ≥ 0. @throws {ConfigError} where it is not clear which policies are meant.
 */
export function differenceOf(decision: Decision, units: Settled, unit: Unit | undefined): Difference | undefined {
  const costs = typeof units === 'object' && units !== null ? units : undefined
  const costOf = ({ policy }: Ask): number => (costs === undefined ? (units as number) : (costs[policy.unit] ?? 0))
  const meant = costs === undefined ? meantBy(decision, unit) : meantByUnits(decision, costs)
  if (costs === undefined) checkCost(units, ' to settle')
  else for (const ask of meant) checkCost(costOf(ask), ' to settle')
  const done = settledOf(decision)
  const back: Record<string, number> = {}
  const more: Ask[] = []
  let isNone = true
  for (const ask of meant) {
    if (done.has(ask)) continue
    done.add(ask)
    // Where a shadow policy denied, or an override lifted the limit, nothing was taken that could be settled.
    if (!took(decision, decision.asks.indexOf(ask))) continue
    isNone = false
    const { policy, key, cost } = ask
    const used = costOf(ask)
    if (used < cost) back[policy.name] = cost - used
    else if (used > cost) more.push({ policy: asSoft(policy), key, cost: used - cost })
  }
  return isNone ? undefined : { back, more }
}

/** What has to be asked for so that a decision takes `units` more; nothing where it took nothing that could be extended. */
export function extensionOf(decision: Decision, units: number, unit: Unit | undefined): readonly Ask[] {
  checkCost(units, ' to take in addition')
  return meantBy(decision, unit)
    .filter((ask) => took(decision, decision.asks.indexOf(ask)))
    .map(({ policy, key }) => ({ policy, key, cost: units }))
}

/**
 * Ends a reservation: from now on, nothing of it can be settled. Answers with what could have been, to be given back, by the
 * names of the policies; `undefined` where there is nothing.
 */
export function closeReservation(decision: Decision): Readonly<Record<string, number>> | undefined {
  const done = settledOf(decision)
  const open = decision.asks.filter((ask) => ask.lease === undefined && !done.has(ask))
  for (const ask of open) done.add(ask)
  if (open.length === 0 || !decision.taken) return undefined
  return Object.fromEntries(decision.asks.map((ask) => [ask.policy.name, open.includes(ask) ? ask.cost : 0]))
}

/** What of a decision cannot be settled any more. */
export function settledAsks(decision: Decision): readonly Ask[] {
  return [...settledOf(decision)]
}

/** @throws {ConfigError} on a unit that the limit does not count. */
function meantByUnits(decision: Decision, costs: Readonly<Partial<Record<Unit, number>>>): readonly Ask[] {
  const meant = decision.asks.filter(({ policy, lease }) => lease === undefined && costs[policy.unit] !== undefined)
  for (const unit of Object.keys(costs) as Unit[]) {
    if (!meant.some(({ policy }) => policy.unit === unit)) meantBy(decision, unit)
  }
  return meant
}

function meantBy({ asks }: Decision, unit: Unit | undefined): readonly Ask[] {
  const counted = asks.filter(({ lease }) => lease === undefined)
  const units = [...new Set(counted.map(({ policy }) => policy.unit))]
  if (unit === undefined) {
    if (units.length <= 1) return counted
    throw new ConfigError(
      `settle(): this limit counts ${units.join(' and ')}. Name one of them, as in settle(500, 'tokens').`,
    )
  }
  if (counted.length > 0 && !units.includes(unit)) {
    throw new ConfigError(`settle(): this limit does not count ${shown(unit)}, but ${units.join(' and ')}.`)
  }
  return counted.filter(({ policy }) => policy.unit === unit)
}
