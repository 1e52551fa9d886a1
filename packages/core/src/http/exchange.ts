import type { ReportedStanding } from '../decisions/binding.js'
import type { Decision } from '../decisions/decision.js'
import { type ResponseLike, whenOver } from './connection.js'
import { type Dialect, type Field, joinedFields } from './headers.js'
import type { Passage } from './passage.js'

/** What one limit did with a request. */
export interface LimitResult {
  readonly limit: object
  answer: Passage | Promise<Passage> | undefined
  standings: readonly ReportedStanding[]
  /** Fields beside those that report the standings. */
  others: readonly Field[]
  readonly dialects: readonly Dialect[]
}

/** A request and its response: what the limits in front of it have decided, in the order in which they did. */
export class Exchange {
  readonly response: ResponseLike
  readonly #results: LimitResult[] = []
  #onDelivery: (() => void)[] | undefined
  /** Of the limit that the request met last, for adapters that show it. */
  decision: Decision | undefined

  constructor(response: ResponseLike) {
    this.response = response
  }

  resultOf(limit: object): LimitResult | undefined {
    for (const result of this.#results) if (result.limit === limit) return result
    return undefined
  }

  begin(limit: object, dialects: readonly Dialect[]): LimitResult {
    const result: LimitResult = { limit, answer: undefined, standings: NONE, others: NO_FIELDS, dialects }
    this.#results.push(result)
    return result
  }

  /** The fields of all limits so far. */
  fields(): readonly Field[] {
    const fields = joinedFields(this.#results)
    const others = this.#results.flatMap((result) => result.others)
    return others.length === 0 ? fields : [...fields, ...others]
  }

  /** Calls back if the response is delivered while the client is there; one pair of listeners serves all limits. */
  whenDelivered(response: ResponseLike, callback: () => void): void {
    if (this.#onDelivery !== undefined) {
      this.#onDelivery.push(callback)
      return
    }
    const callbacks = [callback]
    this.#onDelivery = callbacks
    whenOver(response, (delivered) => {
      if (delivered) for (const one of callbacks) one()
    })
  }
}

const NONE: readonly ReportedStanding[] = []
const NO_FIELDS: readonly Field[] = []

const EXCHANGE: unique symbol = Symbol('sluice.exchange')

/**
 * Where an exchange is kept: the response, or an object that lives as long. A WeakMap by responses would cost a server
 * more in garbage collection than the decisions do.
 */
interface Keeper {
  [EXCHANGE]?: Exchange
}

/** A keeper that an app shares between requests does not share what was decided. */
export function exchangeOf(keeper: object & Keeper, response: ResponseLike): Exchange {
  let exchange = keeper[EXCHANGE]
  if (exchange?.response !== response) {
    exchange = new Exchange(response)
    keeper[EXCHANGE] = exchange
  }
  return exchange
}

/** The fields that the limits have set so far, for a framework that takes them off a failed response. */
export function fieldsOf(keeper: object & Keeper): readonly Field[] {
  return keeper[EXCHANGE]?.fields() ?? []
}

/** The decision of the limit that the request met last. */
export function decisionOf(keeper: object & Keeper): Decision | undefined {
  return keeper[EXCHANGE]?.decision
}
