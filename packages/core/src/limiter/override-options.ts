import type { Override } from '../decisions/override.js'
import { ConfigError, shown } from '../errors.js'
import { checkOptions } from '../options.js'
import { bindPolicies, type PolicyLike } from '../policies/bind-policies.js'
import { storedPolicy } from '../policies/stored-policy.js'
import { checkExpiry, checkKey } from './grants.js'

/** What may hold for a key in place of its limit's policies; `undefined` for those again. */
export type OverrideTo = PolicyLike | readonly PolicyLike[] | 'unlimited' | 'blocked' | undefined

export interface OverrideOptions {
  /** When it ends: a Date, or Unix milliseconds. By default it does not. */
  readonly expiresAt?: Date | number | undefined
  /** For whoever reads the list of overrides later. */
  readonly reason?: string | undefined
}

/** @throws {ConfigError} on policies or options that cannot be right. */
export function checkOverride(
  key: string,
  to: OverrideTo,
  options: OverrideOptions,
  limit: string,
): Override | undefined {
  checkKey(key)
  checkOptions('override()', options, ['expiresAt', 'reason'])
  if (to === undefined) return undefined
  const { reason = '' } = options
  if (typeof reason !== 'string' || reason.length > 500) {
    throw new ConfigError(`reason: expected a text of at most 500 characters, got ${shown(reason)}.`)
  }
  const expiresAt = checkExpiry(options.expiresAt)
  const ends = expiresAt === Number.POSITIVE_INFINITY ? null : expiresAt
  if (to === 'unlimited' || to === 'blocked') return { key, to, expiresAt: ends, reason }
  bindPolicies(to, { name: limit })
  const list = Array.isArray(to) ? (to as readonly PolicyLike[]) : [to as PolicyLike]
  return { key, to: list.map(storedPolicy), expiresAt: ends, reason }
}
