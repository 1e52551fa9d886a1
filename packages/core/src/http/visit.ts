import { type Announced, Decision } from '../decision.js'
import type { Passage } from './guard.js'

/** What the limits of one request have decided so far. */
export interface Visit {
  /** By limit, so that each decides once for a request, however often it is mounted or retried. */
  readonly passages: Map<object, Passage | Promise<Passage>>
  /** Of all limits: their fields stand in one list. */
  told: readonly Announced[]
  decision: Decision | undefined
}

const VISIT: unique symbol = Symbol('sluice.visit')

interface Visited {
  [VISIT]?: Visit
}

/** The visit of this request, kept on the request itself. */
export function visitOf(request: Visited): Visit {
  let visit = request[VISIT]
  if (visit === undefined) {
    visit = { passages: new Map(), told: [], decision: undefined }
    request[VISIT] = visit
  }
  return visit
}

/** One decision over all the limits of a request: what the application reads. */
export function joined(earlier: Decision | undefined, decision: Decision): Decision {
  return earlier === undefined
    ? decision
    : new Decision(decision.key, decision.cost, [...earlier.standings, ...decision.standings])
}
