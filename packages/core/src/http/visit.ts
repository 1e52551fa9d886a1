import { type Announced, Decision } from '../decision.js'
import type { Passage } from './guard.js'

/** What the limits of one request have decided so far. */
export class Visit {
  /** Of all limits: their fields stand in one list. */
  told: readonly Announced[] = []
  decision: Decision | undefined = undefined
  /** Most requests meet one limit; the others, if any, stand in `more`. */
  #limit: object | undefined = undefined
  #passage: Passage | Promise<Passage> | undefined = undefined
  #more: Map<object, Passage | Promise<Passage>> | undefined = undefined

  /** What this limit answered this request before: each decides once, however often it is mounted or retried. */
  recall(limit: object): Passage | Promise<Passage> | undefined {
    return this.#limit === limit ? this.#passage : this.#more?.get(limit)
  }

  remember(limit: object, passage: Passage | Promise<Passage>): void {
    if (this.#limit === undefined) {
      this.#limit = limit
      this.#passage = passage
      return
    }
    this.#more ??= new Map()
    this.#more.set(limit, passage)
  }

  /** Joins a decision to those of the limits before it. */
  add(decision: Decision, told: readonly Announced[]): void {
    const before = this.decision
    this.told = before === undefined ? told : [...this.told, ...told]
    this.decision =
      before === undefined
        ? decision
        : new Decision(decision.key, decision.cost, [...before.standings, ...decision.standings])
  }
}

const VISIT: unique symbol = Symbol('sluice.visit')

interface Visited {
  [VISIT]?: Visit
}

/** The visit of this request, kept on the request itself. */
export function visitOf(request: Visited): Visit {
  let visit = request[VISIT]
  if (visit === undefined) {
    visit = new Visit()
    request[VISIT] = visit
  }
  return visit
}
