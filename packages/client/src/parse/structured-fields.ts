import { type BareItem, isInnerList, parseDictionary, parseList } from 'structured-headers'
import { inSeconds } from './instant.js'
import type { RemoteLimit } from './remote-limit.js'

/** A policy as `RateLimit-Policy` announces it; without a name in drafts 6 and 7. */
interface AnnouncedPolicy {
  readonly name: string | undefined
  readonly limit: number
  readonly unit: string
  readonly windowMs: number | null
}

/**
 * The limits in `RateLimit` and `RateLimit-Policy`, of the newest draft or of draft 7. A malformed field is ignored as a whole,
 * as structured fields have to be.
 */
export function structuredLimits(
  rateLimit: string | undefined,
  policyField: string | undefined,
  now: number,
): readonly RemoteLimit[] {
  const policies = policyField === undefined ? [] : announced(policyField)
  const standings = rateLimit === undefined ? [] : standingsIn(rateLimit, policies, now)
  const named = new Set(standings.map(({ name }) => name))
  for (const { name, limit, unit, windowMs } of policies) {
    if (name === undefined || named.has(name)) continue
    standings.push({ name, limit, remaining: null, resetAt: null, unit, windowMs })
  }
  return standings
}

/** The window that `RateLimit-Policy` announces for a quota, for drafts whose policies have no names. */
export function announcedWindow(policyField: string | undefined, limit: number | null): number | null {
  if (policyField === undefined || limit === null) return null
  return announced(policyField).find((policy) => policy.limit === limit)?.windowMs ?? null
}

function standingsIn(field: string, policies: readonly AnnouncedPolicy[], now: number): RemoteLimit[] {
  return field.trimStart().startsWith('"') ? newest(field, policies, now) : draft7(field, policies, now)
}

function newest(field: string, policies: readonly AnnouncedPolicy[], now: number): RemoteLimit[] {
  const limits: RemoteLimit[] = []
  for (const [name, parameters] of itemsOf(field)) {
    const remaining = parameters.get('r')
    const t = parameters.get('t')
    if (typeof name !== 'string' || !isCount(remaining) || (t !== undefined && !isCount(t))) return []
    const policy = policies.find((policy) => policy.name === name)
    limits.push({
      name,
      limit: policy?.limit ?? null,
      remaining,
      resetAt: t === undefined ? null : inSeconds(t, now),
      unit: policy?.unit ?? 'requests',
      windowMs: policy?.windowMs ?? null,
    })
  }
  return limits
}

function draft7(field: string, policies: readonly AnnouncedPolicy[], now: number): RemoteLimit[] {
  const [limit, remaining, reset] = ['limit', 'remaining', 'reset'].map((name) => dictionaryOf(field)?.get(name)?.[0])
  if (!isCount(remaining) || (limit !== undefined && !isCount(limit)) || (reset !== undefined && !isCount(reset))) {
    return []
  }
  return [
    {
      name: 'default',
      limit: limit ?? null,
      remaining,
      resetAt: reset === undefined ? null : inSeconds(reset, now),
      unit: 'requests',
      windowMs: policies.find((policy) => policy.limit === limit)?.windowMs ?? null,
    },
  ]
}

/** A server sends the same policies with every response. */
const announcedBefore = new Map<string, readonly AnnouncedPolicy[]>()
const MOST_REMEMBERED = 100

function announced(field: string): readonly AnnouncedPolicy[] {
  let policies = announcedBefore.get(field)
  if (policies === undefined) {
    policies = policiesIn(field)
    if (announcedBefore.size >= MOST_REMEMBERED) announcedBefore.clear()
    announcedBefore.set(field, policies)
  }
  return policies
}

function policiesIn(field: string): readonly AnnouncedPolicy[] {
  const policies: AnnouncedPolicy[] = []
  for (const [value, parameters] of itemsOf(field)) {
    const isNamed = typeof value === 'string'
    const limit = isNamed ? parameters.get('q') : value
    const w = parameters.get('w')
    const unit = parameters.get('qu') ?? 'requests'
    if (!isCount(limit) || (w !== undefined && !isCount(w)) || typeof unit !== 'string') return []
    policies.push({ name: isNamed ? value : undefined, limit, unit, windowMs: w === undefined ? null : w * 1_000 })
  }
  return policies
}

/** The items of a List; none where it is malformed or has inner lists. */
function itemsOf(field: string): readonly (readonly [BareItem, ReadonlyMap<string, BareItem>])[] {
  try {
    const items = parseList(field)
    return items.some(isInnerList) ? [] : (items as [BareItem, Map<string, BareItem>][])
  } catch {
    return []
  }
}

function dictionaryOf(field: string): ReadonlyMap<string, readonly [unknown, unknown]> | undefined {
  try {
    return parseDictionary(field)
  } catch {
    return undefined
  }
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0
}
