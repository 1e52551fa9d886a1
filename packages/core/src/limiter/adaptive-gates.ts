import type { AdaptiveLimit } from '../adaptive/adaptive-limit.js'
import type { Ask } from '../decisions/ask.js'
import { Decision } from '../decisions/decision.js'
import { Standing } from '../decisions/standing.js'
import { adaptiveLimitOf } from '../policies/adaptive-concurrency.js'
import { isThenable } from '../runtime/thenable.js'

type Answer = Decision | Promise<Decision>

/** Whether any of these is decided in this process, by measured latency. */
export function haveGates(asks: readonly Ask[]): boolean {
  for (let i = 0; i < asks.length; i++) if (asks[i]?.policy.lease?.adaptive !== undefined) return true
  return false
}

function isGate({ policy }: Ask): boolean {
  return policy.lease?.adaptive !== undefined
}

/** Places taken in this process, as many as it costs. */
export interface Entry {
  readonly ask: Ask
  readonly limit: AdaptiveLimit
  readonly places: number
  /** Whether there was room. */
  readonly isIn: boolean
}

/**
 * Decides by the limits of this process first, since they cost no call, and by the store only where those let it pass. What
 * was entered is left again where the store denies. `entered` learns of what an allowed decision holds.
 */
export function decideBehindGates(
  verb: 'consume' | 'peek',
  asks: readonly Ask[],
  askStore: (asks: readonly Ask[]) => Answer,
  entered: (decision: Decision, entries: readonly Entry[]) => void,
): Answer {
  const gates = asks.filter(isGate)
  const before = gates.map((ask) => standingOf(ask))
  // The limit has to learn of what it denies.
  const entries = verb === 'peek' ? [] : gates.map(enter)
  const passes = (gate: number): boolean => entries[gate]?.isIn ?? before[gate]?.allowed ?? false
  const left = (): void => leave(entries, undefined, false)
  if (gates.some(({ policy }, gate) => !passes(gate) && !policy.shadow)) {
    left()
    const standings = before.map((standing, gate) => (passes(gate) ? asPassing(standing) : standing))
    return new Decision(gates, standings, verb)
  }
  const join = (decision: Decision): Decision => {
    if (!decision.allowed) left()
    const standings = asks.map((ask) => (isGate(ask) ? standingOf(ask, 0) : standingIn(decision, ask)))
    const all = decision.degraded && decision.standings.length === 0 ? [] : standings.filter((one) => one !== undefined)
    const joined = new Decision(asks, decision.allowed ? passing(all) : all, verb, decision.degraded, decision.repeated)
    if (joined.allowed && verb === 'consume')
      entered(
        joined,
        entries.filter(({ isIn }) => isIn),
      )
    return joined
  }
  const others = asks.filter((ask) => !isGate(ask))
  if (others.length === 0) return join(new Decision([], [], verb))
  try {
    const answer = askStore(others)
    if (!isThenable(answer)) return join(answer)
    return answer.then(join, (error) => {
      left()
      throw error
    })
  } catch (error) {
    left()
    throw error
  }
}

/** Leaves what was entered; the time that it took says how busy the server is, unless the client left before its end. */
export function leave(entries: readonly Entry[], tookMs: number | undefined, failed: boolean): void {
  const now = entries.length === 0 ? 0 : performance.now()
  for (const { limit, places, isIn } of entries) {
    for (let place = 0; isIn && place < places; place++) limit.release(now, tookMs, failed)
  }
}

function enter(ask: Ask): Entry {
  const { policy, cost } = ask
  const limit = adaptiveLimitOf(policy)
  return { ask, limit, places: cost, isIn: limit.tryAcquire(cost) }
}

function standingOf({ policy, cost }: Ask, asked: number = cost): Standing {
  const { limit, inFlight } = adaptiveLimitOf(policy)
  const remaining = Math.max(0, limit - inFlight)
  const allowed = asked <= remaining
  const retry = allowed ? 0 : asked > policy.capacity ? Number.POSITIVE_INFINITY : 1_000
  return new Standing(policy, allowed, remaining, null, retry, 0, 0, 0)
}

/** What let the request pass has room for it no longer. */
function passing(standings: readonly Standing[]): readonly Standing[] {
  return standings.map((standing) => (standing.policy.lease?.adaptive === undefined ? standing : asPassing(standing)))
}

function asPassing(standing: Standing): Standing {
  return standing.allowed ? standing : Standing.like(standing, { allowed: true, retryAfterMs: 0 })
}

function standingIn({ asks, standings }: Decision, ask: Ask): Standing | undefined {
  return standings[asks.indexOf(ask)]
}
