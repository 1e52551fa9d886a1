import { type Announced, Decision } from '../decision.js'
import type { Passage } from './adapter.js'
import type { Field } from './headers.js'

type Answer = Passage | Promise<Passage>

/** What the limits of one request have decided so far. */
export interface Visit {
  /** Of all limits: their fields stand in one list. */
  told: readonly Announced[]
  fields: readonly Field[]
  decision: Decision | undefined
  /** Most requests meet one limit; the others, if any, stand in `more`. */
  limit: object | undefined
  passage: Answer | undefined
  more: Map<object, Answer> | undefined
}

const VISIT: unique symbol = Symbol('sluice.visit')

interface Visited {
  [VISIT]?: Visit
}

/** The visit of this request, kept on the request itself. */
export function visitOf(request: Visited): Visit {
  let visit = request[VISIT]
  if (visit === undefined) {
    visit = { told: [], fields: [], decision: undefined, limit: undefined, passage: undefined, more: undefined }
    request[VISIT] = visit
  }
  return visit
}

/** The fields that the limits of this request have set so far, for a framework that takes them off a failed response. */
export function fieldsOf(request: object): readonly Field[] {
  return visitOf(request).fields
}

/** What this limit answered this request before: each decides once, however often it is mounted or retried. */
export function recall(visit: Visit, limit: object): Answer | undefined {
  return visit.limit === limit ? visit.passage : visit.more?.get(limit)
}

export function remember(visit: Visit, limit: object, passage: Answer): void {
  if (visit.limit === undefined) {
    visit.limit = limit
    visit.passage = passage
  } else {
    visit.more ??= new Map()
    visit.more.set(limit, passage)
  }
}

/** Joins a decision to those of the limits before it. */
export function join(visit: Visit, decision: Decision, told: readonly Announced[]): void {
  const before = visit.decision
  if (before === undefined) {
    visit.told = told
    visit.decision = decision
  } else {
    visit.told = [...visit.told, ...told]
    const degraded = before.degraded || decision.degraded
    visit.decision = new Decision(decision.key, decision.cost, [...before.standings, ...decision.standings], degraded)
  }
}
