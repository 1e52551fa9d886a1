import { ConfigError, describe, shown } from '../errors.js'
import { checkName, checkWhole } from '../options.js'
import { UNITS } from './amount.js'
import type { PolicyLike } from './bind-policies.js'
import type { Calendar } from './calendar.js'
import { type AlgorithmName, isPolicy, newPolicy, type Policy, type PolicyParts } from './policy.js'

/** A policy as a store keeps it: JSON. */
export type StoredPolicy = string | (Omit<PolicyParts, 'calendar'> & { readonly calendar: string | null }) | StoredName

interface StoredName {
  readonly policy: StoredPolicy
  readonly name?: string | undefined
}

export function storedPolicy(policy: PolicyLike): StoredPolicy {
  if (typeof policy === 'string') return policy
  if (!isPolicy(policy)) return { policy: storedPolicy(policy.policy), name: policy.name }
  const {
    address: _address,
    plan: _plan,
    shadow: _shadow,
    warnAt: _warnAt,
    warnEvery: _every,
    maxDebt: _debt,
    calendar,
    ...parts
  } = policy
  if (calendar !== undefined) restoredCalendar(calendar.id)
  return { ...parts, calendar: calendar?.id ?? null }
}

/** @throws {ConfigError} where its calendar is not known in this process. */
export function restoredPolicy(stored: StoredPolicy): PolicyLike {
  if (typeof stored === 'string') return stored
  if ('policy' in stored) return { policy: restoredPolicy(stored.policy) as string | Policy, name: stored.name }
  const { calendar, ...parts } = stored
  checkParts(parts)
  const restored = calendar === null ? undefined : restoredCalendar(calendar)
  if ((restored === undefined) === (parts.algorithm === 'quota')) {
    throw new ConfigError('calendar: a quota has one, and nothing else.')
  }
  if ((parts.lease === undefined) === (parts.algorithm === 'concurrency')) {
    throw new ConfigError('lease: a concurrency policy has one, and nothing else.')
  }
  return newPolicy({ ...parts, windowMs: parts.windowMs ?? Number.POSITIVE_INFINITY, calendar: restored })
}

/** Another version of this package may have written it, or anybody. */
function checkParts(parts: Omit<PolicyParts, 'calendar'>): void {
  const { name, algorithm, quota, windowMs, capacity, burst, subWindows, soft, overage, rollover, history } = parts
  if (name !== '') checkName(name)
  if (!ALGORITHMS.includes(algorithm)) throw new ConfigError(`algorithm: ${shown(algorithm)} is not known here.`)
  for (const [option, value] of Object.entries({ quota, capacity, burst })) {
    checkWhole(option, value, 1, Number.MAX_SAFE_INTEGER)
  }
  for (const [option, value] of Object.entries({ subWindows, overage, rollover, history })) {
    checkWhole(option, value, 0, Number.MAX_SAFE_INTEGER)
  }
  // JSON has no infinity: a lifetime's window is none.
  if (windowMs !== null) checkWhole('windowMs', windowMs, 1, Number.MAX_SAFE_INTEGER)
  if (typeof soft !== 'boolean') throw new ConfigError(`soft: expected true or false, got ${shown(soft)}.`)
  if (!UNITS.includes(parts.unit) && parts.unit !== 'concurrent-requests')
    throw new ConfigError(`unit: ${shown(parts.unit)} is not known here.`)
}

const ALGORITHMS: readonly AlgorithmName[] = [
  ...(['fixed-window', 'exact-window', 'sliding-window', 'sub-windows', 'sliding-log'] as const),
  ...(['token-bucket', 'leaky-bucket', 'quota', 'concurrency'] as const),
]

type Restore = (id: string) => Calendar | undefined

const RESTORERS: unique symbol = Symbol.for('sluice.calendars')

/** Shared by all copies of this module in a process. */
function restorers(): Set<Restore> {
  const place = globalThis as { [RESTORERS]?: Set<Restore> }
  place[RESTORERS] ??= new Set()
  return place[RESTORERS]
}

/** Lets overrides name calendars: each process that meets one makes it anew, by its id. */
export function restoreCalendars(restore: Restore): void {
  restorers().add(restore)
}

function restoredCalendar(id: string): Calendar {
  for (const restore of restorers()) {
    try {
      const calendar = restore(id)
      if (calendar !== undefined) return calendar
    } catch (error) {
      throw new ConfigError(`The calendar "${id}" of an override is not known here: ${describe(error)}`)
    }
  }
  throw new ConfigError(
    `The calendar "${id}" of an override is not known here. Call quota() of @sluice/quota, or restoreCalendars() of ` +
      '@sluice/core/calendar for one of your own, in every process.',
  )
}
