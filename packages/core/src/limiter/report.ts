import type { Decision } from '../decisions/decision.js'
import type { Standing } from '../decisions/standing.js'
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
  if (events.hears('warning') && decision.allowed) {
    for (const [i, standing] of decision.standings.entries()) {
      const { key, cost } = decision.asks[i] ?? decision
      const share = crossed(standing, cost)
      if (share !== undefined) events.emit('warning', { limit, policy: standing.policy, key, share, request })
    }
  }
}

/** The highest `warnAt` that this take carried the used share over: exactly one take crosses it, whichever process made it. */
function crossed({ policy, allowed, used }: Standing, cost: number): number | undefined {
  if (!allowed) return undefined
  return policy.warnAt.findLast((share) => used - cost < share * policy.capacity && share * policy.capacity <= used)
}
