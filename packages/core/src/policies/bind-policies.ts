import { ConfigError, shown } from '../errors.js'
import { checkName, checkOptions, checkWhole } from '../options.js'
import { LARGEST_QUOTA } from './amount.js'
import { slidingWindow } from './constructors.js'
import { asSoft, bindPolicy, isPolicy, type Policy } from './policy.js'
import { windowLabel } from './rate.js'
import type { RateText } from './rate-text.js'

/** A policy with a name of its own. */
export interface NamedPolicy {
  readonly policy: string | Policy
  /** Printable ASCII, 1 to 128 characters. */
  readonly name?: string | undefined
}

/** A policy as it may be written: `'100/min'` is `slidingWindow('100/min')`. */
export type PolicyLike = string | Policy | NamedPolicy

/** Several policies, whose texts are checked in the editor. */
export type PolicyList<L extends readonly PolicyLike[]> = {
  readonly [I in keyof L]: CheckedText<L[I]>
}

/** One of them. */
export type CheckedText<P> = P extends string
  ? RateText<P>
  : P extends { readonly policy: infer T extends string }
    ? P & { readonly policy: RateText<T> }
    : P

/** What a limit says of all its policies. */
export interface Naming {
  readonly name: string
  readonly shadow?: boolean | undefined
  readonly warnAt?: number | readonly number[] | undefined
  readonly warnEvery?: number | undefined
  readonly plan?: string | undefined
  /** Lets everything pass, and counts what is beyond. */
  readonly soft?: boolean | undefined
  readonly maxDebt?: number | undefined
}

/**
 * Named policies, complete and checked.
 *
 * A policy's bucket has the policy's own name, or else the limit's; so it is the same alone and in a list. What clients
 * see is that name, with the window behind it where a limit has several policies and this one no name of its own; and
 * its unit, where another of them counts in the same window.
 * @throws {ConfigError} on what is no policy, on none at all, and on two of one name.
 */
export function bindPolicies(given: PolicyLike | readonly PolicyLike[], naming: Naming): readonly Policy[] {
  const list: readonly PolicyLike[] = Array.isArray(given) ? given : [given as PolicyLike]
  if (list.length === 0) throw new ConfigError('policies: expected at least one, got an empty array.')
  const shadow = naming.shadow ?? false
  const warnAt = checkWarnAt(naming.warnAt ?? [])
  const warnEvery = naming.warnEvery === undefined ? 0 : checkWhole('warnEvery', naming.warnEvery, 1, LARGEST_QUOTA)
  const units = unitsByWindow(list)
  const policies = list.map((one) => {
    const { policy, name: own } = toNamed(one)
    const name = own ?? (list.length === 1 ? naming.name : labelled(naming.name, policy, units))
    const binding = { bucket: own ?? naming.name, name: checkName(name), plan: naming.plan, shadow, warnAt, warnEvery }
    const bound = bindPolicy(policy, {
      ...binding,
      maxDebt: Math.min(policy.maxDebt, naming.maxDebt ?? policy.maxDebt),
    })
    return naming.soft === true ? softened(bound) : bound
  })
  refuseSameNames(policies)
  return policies
}

/** The units that a list counts in each window. */
function unitsByWindow(list: readonly PolicyLike[]): ReadonlyMap<string, ReadonlySet<string>> {
  const units = new Map<string, Set<string>>()
  for (const { policy } of list.map(toNamed)) {
    const window = windowOf(policy)
    units.set(window, (units.get(window) ?? new Set()).add(policy.unit))
  }
  return units
}

/** `chat-1min`; with the unit where the list counts another in the same window: `chat-1min-tokens`. */
function labelled(name: string, policy: Policy, units: ReadonlyMap<string, ReadonlySet<string>>): string {
  const window = windowOf(policy)
  const label = `${name}-${window}`
  return policy.unit === 'requests' || policy.lease !== undefined || units.get(window)?.size === 1
    ? label
    : `${label}-${policy.unit}`
}

/** `1min`; of a quota its period: `month`; of slots `concurrent`. */
function windowOf({ calendar, lease, windowMs }: Policy): string {
  return lease === undefined ? (calendar?.unit ?? windowLabel(windowMs)) : 'concurrent'
}

export function toNamed(given: PolicyLike): { readonly policy: Policy; readonly name: string | undefined } {
  if (typeof given === 'object' && given !== null && !isPolicy(given) && 'policy' in given) {
    checkOptions('A policy in a list', given, ['policy', 'name'])
    const policy = toPolicy(given.policy)
    const name = given.name ?? policy.name
    return { policy, name: name === '' && given.name === undefined ? undefined : checkName(name) }
  }
  const policy = toPolicy(given)
  return { policy, name: policy.name === '' ? undefined : policy.name }
}

function toPolicy(value: unknown): Policy {
  if (typeof value === 'string') return slidingWindow<string>(value)
  if (isPolicy(value)) return value
  const isObject = typeof value === 'object' && value !== null
  if (isObject && 'kind' in value && value.kind === 'sluice.measured') {
    throw new ConfigError(
      'llm() stands in place of policies, as in limit(llm({ … })). Several policies go into its limits.',
    )
  }
  const numbers = isObject && 'windowMs' in value
  throw new ConfigError(
    `policies: expected a limit such as '100/min' or a policy such as tokenBucket('10/s'), got ${shown(value)}.` +
      (numbers ? ' Numbers go into a constructor: slidingWindow({ quota: 5, windowMs: 900_000 }).' : ''),
  )
}

/** @throws {ConfigError} on slots: there are no more of them. */
function softened(policy: Policy): Policy {
  if (policy.lease === undefined) return asSoft(policy)
  throw new ConfigError(
    `delay: slots are not owed. Let requests wait for them: concurrency(${policy.quota}, { queue: {} }).`,
  )
}

function refuseSameNames(policies: readonly Policy[]): void {
  const names = new Set<string>()
  const addresses = new Map<string, string>()
  for (const { name, address } of policies) {
    const other = addresses.get(address)
    if (other !== undefined && other !== name) {
      throw new ConfigError(
        `policies: "${other}" and "${name}" would count in the same bucket. Give one a name of its own, as in { policy: '10/s', name: 'short' }.`,
      )
    }
    addresses.set(address, name)
    if (names.has(name)) {
      throw new ConfigError(
        `policies: two are named "${name}". Give one a name of its own, as in { policy: '10/s', name: 'short' }.`,
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
