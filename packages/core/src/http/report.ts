import type { Decision } from '../decisions/decision.js'
import type { Standing } from '../decisions/standing.js'
import { decisionChannel, type RequestEvents } from './events.js'

/** Emits what was decided; costs a few tests where nobody listens. */
export function report<Req>(decision: Decision, request: Req, events: RequestEvents<Req>): void {
  if (decisionChannel?.hasSubscribers === true) decisionChannel.publish({ decision, request })
  if (events.size === 0) return
  if (events.hears('decision')) events.emit('decision', { decision, request })
  if (events.hears('denied')) {
    const shadow = decision.allowed
    if (decision.standings.some((standing) => !standing.allowed)) events.emit('denied', { decision, request, shadow })
  }
  if (events.hears('warning') && decision.allowed) {
    for (const [i, standing] of decision.standings.entries()) {
      const { key, cost } = decision.asks[i] ?? decision
      const share = crossed(standing, cost)
      if (share !== undefined) events.emit('warning', { policy: standing.policy, key, share, request })
    }
  }
}

/** The highest `warnAt` that this take carried the used share over: exactly one take crosses it, whichever process made it. */
function crossed({ policy, allowed, remaining }: Standing, cost: number): number | undefined {
  if (!allowed) return undefined
  const after = policy.capacity - remaining
  return policy.warnAt.findLast((share) => after - cost < share * policy.capacity && share * policy.capacity <= after)
}
