import type { ReportedStanding } from '../decisions/binding.js'
import { type ResponseLike, whenOver } from './connection.js'
import { type Dialect, type Field, joinedFields } from './headers.js'
import type { Passage } from './passage.js'

/** What one limit did with a request. */
export interface LimitResult {
  readonly limit: object
  answer: Passage | Promise<Passage> | undefined
  standings: readonly ReportedStanding[]
  readonly dialects: readonly Dialect[]
}

/** A request and its response: what the limits in front of it have decided, in the order in which they did. */
export class Exchange {
  readonly #results: LimitResult[] = []
  #onDelivery: (() => void)[] | undefined

  resultOf(limit: object): LimitResult | undefined {
    for (const result of this.#results) if (result.limit === limit) return result
    return undefined
  }

  begin(limit: object, dialects: readonly Dialect[]): LimitResult {
    const result: LimitResult = { limit, answer: undefined, standings: NONE, dialects }
    this.#results.push(result)
    return result
  }

  /** The fields of all limits so far. */
  fields(): readonly Field[] {
    return joinedFields(this.#results)
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

const exchanges = new WeakMap<object, Exchange>()

/** Kept beside the response rather than on it: frameworks replace its prototype, which makes a new property expensive. */
export function exchangeOf(response: object): Exchange {
  let exchange = exchanges.get(response)
  if (exchange === undefined) {
    exchange = new Exchange()
    exchanges.set(response, exchange)
  }
  return exchange
}

/** The fields that the limits of this response have set so far, for a framework that takes them off a failed one. */
export function fieldsOf(response: object): readonly Field[] {
  return exchanges.get(response)?.fields() ?? []
}
