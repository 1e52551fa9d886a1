import { CostError, KeyError, shown } from '../errors.js'
import type { Policy } from '../policies/policy.js'

/** Whose quota is asked for: one partition key for all policies, or one for each, by policy name. */
export type Keys = string | Readonly<Record<string, string>>

/** Units asked for, whole numbers ≥ 0: one number for all policies, or by policy name. */
export type Costs = number | Readonly<Record<string, number>>

/** @throws {KeyError} unless there is a string for this policy, and not an empty one. */
export function keyOf(keys: Keys, { name }: Policy): string {
  const isRecord = typeof keys === 'object' && keys !== null
  const key: unknown = isRecord ? ownOf(keys, name) : keys
  if (typeof key === 'string') return checkNotEmpty(key)
  throw new KeyError(
    isRecord
      ? `Every policy needs a key that is a string; the key of "${name}" is ${shown(key)}.`
      : `A key is a string, or an object with a string for each policy's name, got ${shown(key)}.`,
  )
}

/**
 * An empty key is a value that was missing: all who lack it would share one bucket.
 * @throws {KeyError} where it is empty.
 */
export function checkNotEmpty(key: string): string {
  if (key !== '') return key
  throw emptyKey('')
}

export function emptyKey(whose: string): KeyError {
  return new KeyError(
    `The key${whose} is empty: all clients without one would share a limit. Give those another key, as in ` +
      '`apiKey || clientKey(address)`, or refuse them first.',
  )
}

/** @throws {CostError} unless the cost of this policy is a whole number ≥ 0. */
export function costOf(costs: Costs, { name }: Policy, fallback: number): number {
  const given: unknown = typeof costs === 'object' && costs !== null ? (ownOf(costs, name) ?? fallback) : costs
  return checkCost(given, '')
}

/** @throws {CostError} unless it is a whole number from 0 to 2^53 − 1. */
export function checkCost(cost: unknown, whose: string): number {
  if (typeof cost === 'number' && Number.isSafeInteger(cost) && cost >= 0) return cost
  throw new CostError(`A cost${whose} is a whole number of units from 0 to 2^53 − 1, got ${shown(cost)}.`)
}

/**
 * A name that no policy has is a mistake, not a default.
 * @throws {KeyError | CostError} where one is given.
 */
export function checkNames(given: Keys | Costs | undefined, policies: readonly Policy[], what: 'key' | 'cost'): void {
  if (typeof given !== 'object' || given === null) return
  for (const name of Object.keys(given)) {
    if (policies.some((policy) => policy.name === name)) continue
    const known = policies.map((policy) => `"${policy.name}"`).join(', ')
    const sentence = `There is a ${what} for "${name}", but no such policy. The policies are: ${known}.`
    throw what === 'key' ? new KeyError(sentence) : new CostError(sentence)
  }
}

function ownOf<T>(record: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined
}
