import type { Decision } from '../decisions/decision.js'
import { fullOf, type Standing, unitsAt } from '../decisions/standing.js'
import { type DecisionMessage, decisionChannel, type LimitEvents } from './events.js'

/** Whether anybody wants to know: where nobody does, a decision costs two tests more. */
export function isHeard(events: { readonly size: number }): boolean {
  return events.size > 0 || decisionChannel?.hasSubscribers === true
}

/** Emits what a limit decided. */
export function report<Req>(
  limit: string,
  decision: Decision,
  request: Req,
  events: LimitEvents<Req>,
  routeOf?: (request: Req) => string | undefined,
): void {
  if (decisionChannel?.hasSubscribers === true) {
    decisionChannel.publish({ limit, decision, request } satisfies DecisionMessage)
  }
  if (events.size === 0) return
  if (events.hears('decision')) events.emit('decision', { limit, decision, request })
  if (events.hears('denied') && decision.standings.some((standing) => !standing.allowed)) {
    events.emit('denied', { limit, decision, request, route: routeOf?.(request), shadow: decision.allowed })
  }
  reportWarnings(limit, decision, request, events)
}

/** One event for each share that a take carried a policy over: exactly one take does, whichever process made it. */
export function reportWarnings<Req>(limit: string, decision: Decision, request: Req, events: LimitEvents<Req>): void {
  if (!events.hears('warning') || !decision.taken) return
  for (const [i, standing] of decision.standings.entries()) {
    const ask = decision.asks[i]
    const { key, cost } = ask ?? decision
    const { policy, allowed, used } = standing
    // What is estimated is looked at when it is settled.
    if (!allowed || ask?.estimate !== undefined) continue
    for (const share of crossed(standing, cost)) {
      events.emit('warning', { limit, policy, key, share, used, request })
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
