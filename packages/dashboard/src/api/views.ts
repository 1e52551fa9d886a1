import type { Override, Policy, StoredPolicy } from '@sluice/core'
import type { ObservedLimit } from '@sluice/core/observe'
import { durationOf, isRange, type Past, readPast, readServers, readTopKeys, sum } from '../history/past.js'
import { PART } from '../history/recorder.js'
import { HttpError } from '../http/exchange.js'
import type { Hub } from '../hub.js'
import { finite } from '../live/decision-row.js'
import { limitOf } from '../sources.js'

const DENIED = ['limited', 'banned', 'failed_closed'] as const
const PASSED = ['allowed', 'soft_limited', 'shadow_limited', 'failed_open'] as const

/** A policy as it is shown; without anything that could be secret. */
function shownPolicy({
  name,
  algorithm,
  quota,
  unit,
  windowMs,
  calendar,
  shadow,
  soft,
  plan,
  capacity,
  lease,
}: Policy): object {
  return {
    name,
    algorithm,
    quota,
    unit,
    windowMs: finite(windowMs),
    period: calendar?.id ?? null,
    mode: shadow ? 'shadow' : soft ? 'soft' : 'enforced',
    plan: plan ?? null,
    capacity: Number.isSafeInteger(capacity) ? capacity : null,
    queue: lease?.queue?.size ?? null,
  }
}

function added(past: Past, limit: string, results: readonly string[]): readonly number[] {
  const all = results.map((result) => past.of('r', limit, result))
  return past.starts.map((_, slot) => sum(all.map((numbers) => numbers[slot] ?? 0)))
}

/** Limits that are shown at a time. */
const MOST_CARDS = 500

/** A card for each limit: the last hour, the share of denials, how long a decision takes. */
export async function overview(hub: Hub): Promise<object> {
  const past = await readPast(hub.store, 'hour')
  const known = new Map(hub.sources.limits().map(({ name, policies }) => [name, policies]))
  const names = [...new Set([...known.keys(), ...limitsIn(past)])].sort().slice(0, MOST_CARDS)
  return {
    at: Date.now(),
    everyMs: past.slotMs,
    starts: past.starts,
    servers: await readServers(hub.store),
    stores: hub.sources.stores(),
    limits: names.map((name) => {
      const [allowed, denied] = [added(past, name, PASSED), added(past, name, DENIED)]
      const all = sum(allowed) + sum(denied)
      const failedOpen = sum(past.of('r', name, 'failed_open'))
      return {
        name,
        policies: (known.get(name) ?? []).map(shownPolicy),
        allowed,
        denied,
        shadow: sum(past.of('r', name, 'shadow_limited')),
        failedOpen,
        deniedShare: all === 0 ? 0 : sum(denied) / all,
        p99Ms: durationOf(past, name, 0.99) ?? null,
      }
    }),
  }
}

function limitsIn(past: Past): readonly string[] {
  return past.names('r').map((rest) => rest.split(PART)[0] ?? '')
}

/** One limit over an hour, a day or a week, and the time before it. */
export async function policy(hub: Hub, query: URLSearchParams, masked: boolean): Promise<object> {
  const name = query.get('limit') ?? ''
  const range = query.get('range') ?? 'hour'
  if (!isRange(range)) throw new HttpError(400, 'range is hour, day or week.')
  const limit = limitOf(hub.sources, name)
  const [past, before, topKeys] = await Promise.all([
    readPast(hub.store, range),
    readPast(hub.store, range, 1),
    readTopKeys(hub.store),
  ])
  const results = [...PASSED, ...DENIED, 'canceled', 'skipped']
  const units = topKeys('u', name, 20)
  return {
    at: Date.now(),
    name,
    range,
    everyMs: past.slotMs,
    starts: past.starts,
    policies: limit.policies.map((one) => ({
      ...shownPolicy(one),
      utilization: Array.from({ length: 11 }, (_, at) => sum(past.of('u', name, one.name, String(at)))),
      limited: past.of('e', name, one.name, 'limited'),
    })),
    allowed: added(past, name, PASSED),
    denied: added(past, name, DENIED),
    before: { allowed: added(before, name, PASSED), denied: added(before, name, DENIED) },
    results: Object.fromEntries(results.map((result) => [result, sum(past.of('r', name, result))])),
    p99Ms: durationOf(past, name, 0.99) ?? null,
    topDenied: hub.shown(topKeys('d', name, 20), masked),
    topUnits: hub.shown(units, masked),
    near: hub.shown(await nearKeys(limit, units), masked),
    recent: hub.shown(hub.recent.of(name), masked),
  }
}

/** Of the keys that take most, those at 80 % and more. */
async function nearKeys(
  limit: ObservedLimit,
  keys: readonly { readonly key: string }[],
): Promise<readonly { readonly key: string; readonly share: number }[]> {
  const shares = await Promise.all(
    keys.slice(0, 10).map(async ({ key }) => {
      try {
        const { standings } = await limit.controls.peek(key, { cost: 0 })
        return { key, share: Math.max(0, ...standings.map(({ used, policy: { capacity } }) => used / capacity)) }
      } catch {
        // A limit whose policies depend on the request, or that has several keys.
        return { key, share: 0 }
      }
    }),
  )
  return shares.filter(({ share }) => share >= 0.8).sort((a, b) => b.share - a.share)
}

/** A key under every limit, or under one. */
export async function key(hub: Hub, query: URLSearchParams, masked: boolean): Promise<object> {
  const asked = query.get('key') ?? ''
  if (asked === '' || asked.length > 1_000) throw new HttpError(400, 'key: expected a text of 1 to 1,000 characters.')
  const only = query.get('limit')
  const limits = only === null || only === '' ? hub.sources.limits() : [limitOf(hub.sources, only)]
  const shown = masked ? hub.mask(asked) : asked
  return { at: Date.now(), key: shown, limits: await Promise.all(limits.map((limit) => stateOf(limit, asked, shown))) }
}

async function stateOf(limit: ObservedLimit, asked: string, shown: string): Promise<object> {
  const { name, policies, controls } = limit
  try {
    const [usage, overrides, bans] = await Promise.all([controls.usage(asked), controls.overrides(), controls.bans()])
    const hasQuota = policies.some(({ calendar }) => calendar !== undefined)
    return {
      limit: name,
      policies: Object.entries(usage).map(([policyName, one]) => ({
        name: policyName,
        ...one,
        resetAfterMs: finite(one.resetAfterMs),
        period: one.period === undefined ? null : { start: one.period.start, end: finite(one.period.end) },
      })),
      override: shownOverride(
        overrides.find((one) => appliesTo(one, asked)),
        shown,
      ),
      ban: bans.filter((one) => one.key === asked).map(({ until, times }) => ({ until, times }))[0] ?? null,
      history: hasQuota ? await controls.history(asked, { periods: 12 }) : {},
      plan: policies.find(({ plan }) => plan !== undefined)?.plan ?? null,
    }
  } catch (error) {
    return { limit: name, error: error instanceof Error ? error.message : 'It cannot be looked up.' }
  }
}

function appliesTo({ key: own }: Override, asked: string): boolean {
  return own === asked || (own.endsWith('*') && asked.startsWith(own.slice(0, -1)))
}

function shownOverride(override: Override | undefined, shown: string): object | null {
  if (override === undefined) return null
  const { key: own, to, expiresAt, reason } = override
  return { key: own.endsWith('*') ? own : shown, to: shownTo(to), expiresAt, reason }
}

export function shownTo(to: Override['to']): string {
  return typeof to === 'string' ? to : to.map(shownStored).join(', ')
}

function shownStored(stored: StoredPolicy): string {
  if (typeof stored === 'string') return stored
  if ('policy' in stored) return shownStored(stored.policy)
  const { quota, unit, windowMs, calendar } = stored
  return `${quota} ${unit} in ${calendar ?? `${windowMs} ms`}`
}

/** The calendar quotas of the keys that use most: how much is used, and what that comes to at the period's end. */
export async function quotas(hub: Hub, masked: boolean): Promise<object> {
  const limits = hub.sources.limits().filter(({ policies }) => policies.some(({ calendar }) => calendar !== undefined))
  const now = Date.now()
  const topKeys = await readTopKeys(hub.store)
  const found = await Promise.all(
    limits.flatMap((limit) => topKeys('u', limit.name, 20).map(({ key: one }) => quotaRows(limit, one, now))),
  )
  const rows = found.flat().sort((a, b) => b.used / b.full - a.used / a.full)
  return { at: now, rows: hub.shown(rows.slice(0, 200), masked) }
}

async function quotaRows(limit: ObservedLimit, one: string, now: number) {
  try {
    const usage = await limit.controls.usage(one)
    return Object.entries(usage).flatMap(([name, { quota, granted, rolledOver, used, over, period, unit }]) => {
      if (period === undefined || !Number.isFinite(period.end)) return []
      const full = quota + granted + rolledOver
      const gone = Math.max(1, now - period.start)
      // As if the rest of the period went on as it has so far.
      const forecast = Math.round(used * ((period.end - period.start) / gone))
      return [{ limit: limit.name, policy: name, key: one, unit, used, full, over, forecast, endsAt: period.end }]
    })
  } catch {
    return []
  }
}

/** Every policy that is in force, as it stands in this process. Stores are shown without what is secret in their addresses. */
export function config(hub: Hub): object {
  return {
    at: Date.now(),
    stores: hub.sources.stores(),
    limits: hub.sources.limits().map(({ name, policies }) => ({ name, policies: policies.map(shownPolicy) })),
  }
}

/** The APIs that clients call. */
export function outbound(hub: Hub, masked: boolean): object {
  const peers = hub.sources.clients.flatMap((client) => client.state() as readonly { readonly key: string }[])
  // A client's key is an origin, unless an app made it of something that may be secret.
  const shown = ({ key: own }: { readonly key: string }): string =>
    masked && !/^https?:\/\/[^/@]+$/.test(own) ? hub.mask(own) : own
  return { at: Date.now(), peers: peers.map((peer) => ({ ...peer, key: shown(peer) })) }
}
