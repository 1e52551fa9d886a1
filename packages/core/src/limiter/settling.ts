import type { Ask } from '../decisions/ask.js'
import type { Decision } from '../decisions/decision.js'
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
 * @throws {CostError} unless `units` is a whole number ≥ 0. @throws {ConfigError} where it is not clear which policies are meant.
 */
export function differenceOf(decision: Decision, units: number, unit: Unit | undefined): Difference | undefined {
  checkCost(units, ' to settle')
  const meant = meantBy(decision, unit)
  const done = settledOf(decision)
  const unsettled = meant.filter((ask) => !done.has(ask))
  for (const ask of unsettled) done.add(ask)
  // Where a shadow policy denied, or an override lifted the limit, nothing was taken that could be settled.
  const open = unsettled.filter((ask) => took(decision, decision.asks.indexOf(ask)))
  if (open.length === 0) return undefined
  const back: Record<string, number> = {}
  for (const { policy, cost } of open) if (units < cost) back[policy.name] = cost - units
  const more = open
    .filter(({ cost }) => units > cost)
    .map(({ policy, key, cost }): Ask => ({ policy: asSoft(policy), key, cost: units - cost }))
  return { back, more }
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
