import { ConfigError, type PeriodUnit, type Policy, type Unit } from '@sluice/core'
import type { Dialect } from '@sluice/core/http'
import type { EnforcedLimit } from '@sluice/core/observe'
import { checkOptions, shown } from '@sluice/core/runtime'

/** A policy as an API's customers meet it. */
export interface DescribedPolicy {
  /** As it stands in the RateLimit fields. */
  readonly name: string
  readonly quota: number
  readonly unit: Unit
  /** Seconds; `undefined` for slots and calendar quotas. */
  readonly window: number | undefined
  /** The calendar period of a quota. */
  readonly period: PeriodUnit | undefined
  /** Whose quota it is: `ip`, a source of a configuration file such as `header:x-api-key`, words of `keys`, or `custom`. */
  readonly key: string
  /** Units that each request takes; `undefined` where that depends on the request. */
  readonly cost: number | undefined
  readonly plan: string | undefined
  /** The policy itself. */
  readonly policy: Policy
}

/** A limit as an API's customers meet it. Policies in shadow mode are not part of it. */
export interface DescribedLimit {
  readonly name: string
  /** Empty where a function chooses the policies for each request. */
  readonly policies: readonly DescribedPolicy[]
  /** How its header fields report it. */
  readonly dialects: readonly Dialect[]
  /** Whether its denials have the usual body: problem details. */
  readonly hasProblem: boolean
}

/** How limits are described. */
export interface DescribeOptions {
  /**
   * Whose quota it is, in words, by the name of a limit: a function that makes keys cannot be read.
   * @example { keys: { api: 'API key', login: 'account' } }
   */
  readonly keys?: Readonly<Record<string, string>> | undefined
}

/** @throws {ConfigError} on an unknown option, and on keys that are no words. */
export function checkDescribeOptions(place: string, options: DescribeOptions, others: readonly string[] = []): void {
  checkOptions(place, options, ['keys', ...others])
  const { keys } = options
  if (keys === undefined) return
  if (typeof keys !== 'object' || keys === null) throw notKeys(place, keys)
  for (const words of Object.values(keys))
    if (typeof words !== 'string' || words.trim() === '') throw notKeys(place, words)
}

function notKeys(place: string, given: unknown): ConfigError {
  return new ConfigError(
    `${place}: keys: expected words by the name of a limit, as in { api: 'API key' }, got ${shown(given)}.`,
  )
}

/** What customers see of a limit; `undefined` where that is nothing. */
export function describedLimit(enforced: EnforcedLimit, { keys = {} }: DescribeOptions): DescribedLimit | undefined {
  const { name, dialects, isUsual } = enforced
  const all = enforced.policies.flat()
  const visible = all.filter(({ policy }) => !policy.shadow)
  if (visible.length === 0 && all.length > 0) return undefined
  const words = Object.hasOwn(keys, name) ? keys[name] : undefined
  const policies = visible.map(({ policy, cost, key }): DescribedPolicy => {
    const { quota, unit, windowMs, calendar, lease, plan } = policy
    const isTimed = calendar === undefined && lease === undefined
    return {
      name: policy.name,
      quota,
      unit,
      window: isTimed ? windowMs / 1000 : undefined,
      period: calendar?.unit,
      key: words ?? sourceOf(key),
      cost,
      plan,
      policy,
    }
  })
  return { name, policies, dialects, hasProblem: isUsual }
}

/** Where a key function that a configuration file described says what it reads. */
const SOURCE: unique symbol = Symbol.for('sluice.source') as never

function sourceOf(key: unknown): string {
  if (key === undefined) return 'ip'
  const source: unknown = typeof key === 'function' && SOURCE in key ? key[SOURCE] : undefined
  return typeof source === 'string' ? source : 'custom'
}
