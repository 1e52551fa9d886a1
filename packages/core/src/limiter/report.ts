import type { Decision } from '../decisions/decision.js'
import { fullOf, type Standing, unitsAt } from '../decisions/standing.js'
import {
  type BanMessage,
  banChannel,
  type DecisionMessage,
  type DeniedMessage,
  decisionChannel,
  deniedChannel,
  type QuotaMessage,
  quotaChannel,
} from '../observe/channels.js'
import type { ObservedDecisions } from '../observe/observed-decisions.js'
import type { Events, LimitEvents } from './events.js'

/** Whether anybody wants to know: where nobody does, a decision costs a few tests more. */
export function isHeard(events: { readonly size: number }, observers: ObservedDecisions): boolean {
  if (events.size > 0 || observers.isWatched || decisionChannel?.hasSubscribers === true) return true
  return deniedChannel?.hasSubscribers === true || quotaChannel?.hasSubscribers === true
}

/**
 * Emits what a limit decided.
 * @param began when, where it was measured; else 0.
 */
export function report<Req>(
  limit: string,
  decision: Decision,
  request: Req,
  began: number,
  events: LimitEvents<Req>,
  observers: ObservedDecisions,
  routeOf?: (request: Req) => string | undefined,
): void {
  if (observers.isWatched) observers.decided(limit, decision, request, began)
  if (decisionChannel?.hasSubscribers === true) {
    decisionChannel.publish({ limit, decision, request } satisfies DecisionMessage)
  }
  if (events.heard.decision) events.emit('decision', { limit, decision, request })
  if (isDenied(decision) && (events.heard.denied || deniedChannel?.hasSubscribers === true)) {
    const denied = { limit, decision, request, route: routeOf?.(request), shadow: decision.allowed }
    if (deniedChannel?.hasSubscribers === true) deniedChannel.publish(denied satisfies DeniedMessage)
    events.emit('denied', denied)
  }
}

/** Whether anybody wants to know what share of a policy is used. */
export function hearsWarnings<Req>(events: LimitEvents<Req>, observers: ObservedDecisions): boolean {
  return events.heard.warning === true || observers.isWatched || quotaChannel?.hasSubscribers === true
}

export function emitWarning<Req>(
  events: LimitEvents<Req>,
  observers: ObservedDecisions,
  warning: Events<Req>['warning'],
): void {
  const { limit, policy, key, share, used } = warning
  observers.each((one) => one.warned?.(limit, policy, key, share, used))
  if (quotaChannel?.hasSubscribers === true) {
    quotaChannel.publish({ limit, policy, key, share, used } satisfies QuotaMessage)
  }
  events.emit('warning', warning)
}

export function emitBan<Req>(events: LimitEvents<Req>, observers: ObservedDecisions, ban: Events<Req>['banned']): void {
  observers.each((one) => one.banned?.(ban.limit, ban.key, ban.until, ban.times))
  if (banChannel?.hasSubscribers === true) banChannel.publish(ban satisfies BanMessage)
  events.emit('banned', ban)
}

/** One event for each share that a take carried a policy over: exactly one take does, whichever process made it. */
export function reportWarnings<Req>(
  limit: string,
  decision: Decision,
  request: Req,
  events: LimitEvents<Req>,
  observers: ObservedDecisions,
): void {
  if (!decision.taken || !hearsWarnings(events, observers)) return
  const { standings, asks } = decision
  for (let i = 0; i < standings.length; i++) {
    const standing = standings[i] as Standing
    const { policy, allowed } = standing
    // What is estimated is looked at when it is settled.
    if (!allowed || (policy.warnAt.length === 0 && policy.warnEvery === 0) || asks[i]?.estimate !== undefined) continue
    const { key, cost } = asks[i] ?? decision
    const { used } = standing
    for (const share of crossed(standing, cost)) {
      emitWarning(events, observers, { limit, policy, key, share, used, request })
    }
  }
}

/** Shares of what the bucket holds: each `warnAt`, and beyond the last of them the latest of the steps of `warnEvery`. */
function crossed(standing: Standing, cost: number): readonly number[] {
  const { policy, used } = standing
  const full = fullOf(standing)
  const isCrossed = (units: number): boolean => used - cost < units && units <= used
  const shares = policy.warnAt.filter((share) => isCrossed(unitsAt(share, full)))
  if (policy.warnEvery === 0) return shares
  const first = unitsAt(policy.warnAt.at(-1) ?? 1, full)
  const steps = Math.floor((used - first) / policy.warnEvery)
  const step = first + steps * policy.warnEvery
  return steps >= 1 && isCrossed(step) ? [...shares, step / full] : shares
}

function isDenied({ allowed, standings }: Decision): boolean {
  if (!allowed) return true
  for (let i = 0; i < standings.length; i++) if (standings[i]?.allowed === false) return true
  return false
}
