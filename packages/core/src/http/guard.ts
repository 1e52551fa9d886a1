import type { Announced, Decision } from '../decision.js'
import { keyDigest } from '../key.js'
import { decide, refund } from '../limiter.js'
import type { Passage, ResponseLike } from './adapter.js'
import type { GuardParts } from './guard-parts.js'
import { type Field, headerFields } from './headers.js'
import { problem } from './problem.js'
import { type Asked, isPromise, Question } from './question.js'
import { report } from './report.js'
import { join, recall, remember, type Visit, visitOf } from './visit.js'

/** setTimeout takes no more. */
const LONGEST_TIMER_MS = 2 ** 31 - 1

/** Turns requests into passages: one limit, in front of any framework. */
export class Guard<Req extends object> {
  readonly #parts: GuardParts<Req>
  readonly #question: Question<Req>

  /** @throws {ConfigError} on policies that cannot be right. */
  constructor(parts: GuardParts<Req>) {
    this.#parts = parts
    this.#question = new Question(parts)
  }

  /** At once when the store and the options' functions answer at once, else as a promise. */
  admit(request: Req, response: ResponseLike): Passage | Promise<Passage> {
    const visit = visitOf(request)
    const earlier = recall(visit, this)
    if (earlier !== undefined) return earlier
    try {
      const passage = this.#pass(request, response, visit)
      const settled = passage instanceof Promise ? passage.catch((error) => this.#fail(error, request)) : passage
      remember(visit, this, settled)
      return settled
    } catch (error) {
      return this.#fail(error, request)
    }
  }

  #pass(request: Req, response: ResponseLike, visit: Visit): Passage | Promise<Passage> {
    const asked = this.#question.ask(request)
    return isPromise(asked)
      ? asked.then((settled) => this.#consume(settled, request, response, visit))
      : this.#consume(asked, request, response, visit)
  }

  #consume(asked: Asked | undefined, request: Req, response: ResponseLike, visit: Visit): Passage | Promise<Passage> {
    if (asked === undefined) return this.#passage(visit)
    const { failover, options } = this.#parts
    const decision = decide('consume', failover, asked.policies, asked.key, asked.cost, options.failure)
    return isPromise(decision)
      ? decision.then((settled) => this.#decided(settled, request, response, visit))
      : this.#decided(decision, request, response, visit)
  }

  #decided(decision: Decision, request: Req, response: ResponseLike, visit: Visit): Passage | Promise<Passage> {
    report(decision, request, this.#parts.events)
    join(visit, decision, this.#told(decision))
    if (!decision.allowed) return this.#denial(decision, request, visit)
    if (decision.delayMs > 0) return this.#hold(decision, request, response, this.#passage(visit))
    this.#refundLater(decision, request, response)
    return this.#passage(visit)
  }

  #told({ standings, key }: Decision): readonly Announced[] {
    if (!this.#parts.options.dialects.includes('draft+pk')) return standings
    const pk = keyDigest(key)
    return standings.map((standing) => ({ ...standing, pk }))
  }

  #passage(visit: Visit): Passage {
    const fields = headerFields(visit.told, this.#parts.options.dialects)
    visit.fields = fields
    return { allowed: true, gone: false, decision: visit.decision, status: 200, fields, body: '' }
  }

  #denial(decision: Decision, request: Req, visit: Visit): Passage {
    const { options, reader } = this.#parts
    const reply = options.response?.(decision, request) ?? problem(decision, reader.headers(request).accept)
    const { status = 429, headers = {}, body } = reply
    const isText = typeof body === 'string'
    const named = Object.keys(headers).some((name) => name.toLowerCase() === 'content-type')
    const type: Field = ['Content-Type', isText ? 'text/plain; charset=utf-8' : 'application/json']
    const { fields, ...passage } = this.#passage(visit)
    return {
      ...passage,
      allowed: false,
      status,
      fields: [...fields, ...(named ? [] : [type]), ...Object.entries(headers)],
      body: isText ? body : JSON.stringify(body),
    }
  }

  /** Keeps the request until its turn has come. A client that leaves gives its place back. */
  #hold(decision: Decision, request: Req, response: ResponseLike, passage: Passage): Promise<Passage> {
    return new Promise((resolve) => {
      let waiting = true
      const goOn = (): void => {
        waiting = false
        this.#refundLater(decision, request, response)
        resolve(passage)
      }
      const timer = setTimeout(goOn, Math.min(decision.delayMs, LONGEST_TIMER_MS))
      response.once('close', () => {
        if (!waiting) return
        clearTimeout(timer)
        this.#refund(decision)
        resolve({ ...passage, allowed: false, gone: true })
      })
    })
  }

  /** A response that was cut off has no status to go by, and gives nothing back. */
  #refundLater(decision: Decision, request: Req, response: ResponseLike): void {
    const gives = this.#parts.options.refund
    if (gives === undefined) return
    response.once('finish', () => {
      try {
        if (gives(response.statusCode)) this.#refund(decision)
      } catch (error) {
        this.#parts.events.emit('error', { error, request })
      }
    })
  }

  #refund(decision: Decision): void {
    const { failover, options } = this.#parts
    const refunded = refund(failover, decision, options.failure)
    if (refunded instanceof Promise) refunded.catch((error) => failover.report(error))
  }

  #fail(error: unknown, request: Req): never {
    this.#parts.events.emit('error', { error, request })
    throw error
  }
}
