import { MOST_GRANTS } from '../algorithms/quota-bucket.js'
import { DONE, FULL } from '../algorithms/quota-edit.js'
import type { Edit } from '../decisions/edit.js'
import { ConfigError, KeyError, shown } from '../errors.js'
import { checkOptions } from '../options.js'
import type { Policy } from '../policies/policy.js'
import { idNumbers } from '../runtime/key.js'
import { checkCost, checkNotEmpty } from './costs.js'

/** Units that are added to a key's quota. */
export interface GrantOptions {
  /** Which policy they are for; needed where a limit has several calendar quotas. */
  readonly policy?: string | undefined
  /** The same id is granted once: the payment's, for instance. Defaults to a random one. */
  readonly id?: string | undefined
  /** When what is left of it is lost: a Date, or Unix milliseconds. By default it is never. */
  readonly expiresAt?: Date | number | undefined
}

/** What became of a grant. */
export interface Grant {
  /** What `revoke` asks for. */
  readonly id: string
  /** Whether it was added; `false` where there is one of this id already. */
  readonly added: boolean
}

/** A grant as it is asked of a store, and its id. */
export function grantEdit(
  policies: readonly Policy[],
  key: string,
  units: number,
  options: GrantOptions,
): { readonly change: Edit; readonly id: string } {
  checkOptions('grant()', options, ['policy', 'id', 'expiresAt'])
  const { id = crypto.randomUUID(), expiresAt } = options
  if (checkCost(units, ' of a grant') === 0) throw new ConfigError('grant(): expected units ≥ 1, got 0.')
  const edit = { policy: quotaNamed(policies, options.policy), key: checkKey(key), id: idNumbers(checkId(id)) }
  return { change: { ...edit, verb: 'grant', cost: units, expiresAt: checkExpiry(expiresAt) }, id }
}

export function revokeEdit(policies: readonly Policy[], key: string, id: string, policy: string | undefined): Edit {
  const edit = { policy: quotaNamed(policies, policy), key: checkKey(key), id: idNumbers(checkId(id)) }
  return { ...edit, verb: 'revoke', cost: 0, expiresAt: 0 }
}

export function pastEdit(policy: Policy, key: string): Edit {
  return { policy, key: checkKey(key), verb: 'past', id: [0, 0], cost: 0, expiresAt: 0 }
}

/** @throws {RangeError} where the key has too many grants. */
export function wasDone([answer]: readonly number[]): boolean {
  if (answer !== FULL) return answer === DONE
  throw new RangeError(
    `A key has at most ${MOST_GRANTS} grants that are not used up or expired. Revoke some, or grant more at once.`,
  )
}

/** @throws {KeyError} unless it is a text that can stand for something. */
export function checkId(id: unknown): string {
  if (typeof id === 'string' && id !== '') return id
  throw new KeyError(`An id is a string that is not empty, got ${shown(id)}.`)
}

/** @throws {KeyError} unless it is a string, and not empty. */
export function checkKey(key: unknown): string {
  if (typeof key === 'string') return checkNotEmpty(key)
  throw new KeyError(`A key is a string, got ${shown(key)}.`)
}

/** Unix milliseconds before this, in 1973, are seconds by mistake. */
const LEAST_MS = 10 ** 11

/** @throws {ConfigError} unless it is a Date, or Unix milliseconds. */
export function checkExpiry(given: unknown): number {
  if (given === undefined) return Number.POSITIVE_INFINITY
  const time = given instanceof Date ? given.getTime() : given
  if (typeof time === 'number' && time >= LEAST_MS && time <= Number.MAX_SAFE_INTEGER) return Math.ceil(time)
  const got = given instanceof Date ? String(given) : shown(given)
  throw new ConfigError(`expiresAt: expected a Date, or milliseconds since 1970 as Date.now() has them, got ${got}.`)
}

/** @throws {ConfigError} where there is none of this name, or which one is meant cannot be told. */
function quotaNamed(policies: readonly Policy[], name: string | undefined): Policy {
  const quotas = policies.filter(({ calendar }) => calendar !== undefined)
  const found = name === undefined ? quotas : quotas.filter((policy) => policy.name === name)
  const [only] = found
  if (only !== undefined && found.length === 1) return only
  const names = quotas.map((policy) => `"${policy.name}"`).join(', ')
  if (quotas.length === 0) throw new ConfigError('A grant needs a calendar quota: this limit has none.')
  throw new ConfigError(
    name === undefined
      ? `policy: this limit has several calendar quotas. Name one of them: ${names}.`
      : found.length > 1
        ? `policy: the quotas ${shown(name)} of this limit's plans have different periods. Give them names of their own.`
        : `policy: this limit has no calendar quota ${shown(name)}. It has ${names}.`,
  )
}
