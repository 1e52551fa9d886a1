import type { IncomingMessage, ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { ConfigError, type Store } from '@sluice/core'
import type { Field, Passage } from '@sluice/core/http'
import { describe, shown } from '@sluice/core/runtime'
import { DescribedRoutes } from '../openapi/described-routes.js'
import { completeAnswer, type MockAnswer } from './answer.js'
import type { MockTime } from './clocks.js'
import { Faults, type ResetFault, type StatusFault } from './faults.js'
import { announcedWaitMs, shiftedField } from './fields.js'
import { type Incoming, newIncoming } from './incoming.js'
import { latencyOf } from './latency.js'
import { Limits, type RouteLimit } from './limits.js'
import { type LoggedRequest, reportedBy } from './logged-request.js'
import type { CheckedMock } from './options.js'
import { readBody } from './read-body.js'
import { cutAnswer, writeAnswer } from './write-answer.js'

/** A request that is being answered. */
interface OpenRequest {
  readonly logged: LoggedRequest
  readonly response: ServerResponse
  /** How far the server's clock is ahead, as its fields show it. */
  readonly skewMs: number
  /** What the limit has set. */
  readonly fields: readonly Field[]
}

/** Decides what each request is answered: a fault, a denial, or what was asked for. */
export class Answering {
  readonly #options: CheckedMock
  readonly #time: MockTime
  readonly #limits: Limits
  readonly #faults: Faults
  readonly #latency: ReturnType<typeof latencyOf>
  readonly #routes: DescribedRoutes | undefined

  /** @throws {ConfigError} on an option that cannot be right. */
  constructor(options: CheckedMock, time: MockTime, store: Store) {
    const { limits, speaks, faults, latency, openapi } = options
    this.#options = options
    this.#time = time
    this.#limits = new Limits(limits, speaks, store)
    this.#faults = new Faults(faults)
    this.#latency = latencyOf(latency)
    this.#routes = openapi === undefined ? undefined : new DescribedRoutes(openapi)
  }

  /** Never rejects. */
  async answer(message: IncomingMessage, response: ServerResponse, logged: LoggedRequest): Promise<void> {
    try {
      await this.#handle(message, response, logged)
    } catch (error) {
      fail(response, error)
    }
  }

  /** Counts faults from 1 again. */
  reset(): void {
    this.#faults.reset()
  }

  close(): void | Promise<void> {
    return this.#limits.close()
  }

  async #handle(message: IncomingMessage, response: ServerResponse, logged: LoggedRequest): Promise<void> {
    const body = await readBody(message)
    logged.request.body = body ?? ''
    const incoming = newIncoming(message, logged.request)
    const { fault, skewMs } = this.#faults.next(logged.request.method, incoming.path)
    const latencyMs = this.#latency(logged.request)
    if (latencyMs > 0) await sleep(latencyMs)
    const open = { logged, response, skewMs, fields: [] }
    if (response.destroyed || (fault !== undefined && 'hang' in fault)) return
    if (fault !== undefined && 'reset' in fault && fault.reset === true) {
      message.socket.resetAndDestroy()
      return
    }
    if (body === undefined) return this.#send(open, this.#error(413, 'The body of the request is too large.'))
    if (fault !== undefined && 'status' in fault) return this.#send(open, this.#faulty(fault, skewMs))
    await this.#limited(incoming, open, fault)
  }

  /** Asks the route's limit, and answers. */
  async #limited(incoming: Incoming, open: OpenRequest, fault: ResetFault | undefined): Promise<void> {
    const described = this.#routes?.of(incoming)
    if (described?.kind === 'no-route') return this.#send(open, this.#error(404, 'Not found.'))
    if (described?.kind === 'no-method') {
      const refused = this.#error(405, 'Method not allowed.')
      return this.#send(open, { ...refused, headers: { ...refused.headers, allow: described.allow } })
    }
    if (this.#options.speaks.readsJson && incoming.request.method === 'POST' && !isObject(incoming.json)) {
      return this.#send(open, this.#error(400, 'The body is no JSON object.'))
    }
    const limit = this.#limits.of(incoming)
    const passage = limit === undefined ? undefined : await limit.admit(incoming, open.response)
    if (passage?.over === true) return
    if (limit !== undefined && passage !== undefined) this.#note(open.logged, limit, passage)
    const fields = passage?.fields ?? []
    if (passage?.allowed === false) {
      this.#send({ ...open, fields }, { status: passage.status, body: passage.body })
      return
    }
    const own = checkAnswer(await this.#options.respond?.(open.logged.request))
    const answer = own ?? described?.answer ?? this.#options.speaks.answer(incoming)
    this.#send({ ...open, fields }, answer, fault !== undefined)
  }

  #note(logged: LoggedRequest, limit: RouteLimit, { allowed, decision }: Passage): void {
    logged.limit = limit.name
    if (decision === undefined) return
    logged.denied = !allowed
    if (!this.#options.speaks.reportsRemaining) return
    logged.reported = reportedBy(decision)
    if (!allowed && Number.isFinite(decision.retryAfterMs)) logged.request.waitMs = decision.retryAfterMs
  }

  #error(status: number, message: string): MockAnswer {
    return this.#options.speaks.error(status, message)
  }

  #faulty({ status, retryAfter, retryAfterForm }: StatusFault, skewMs: number): MockAnswer {
    const answer = this.#error(status, `A fault of the mock: status ${status}.`)
    if (retryAfter === undefined) return answer
    // A date has whole seconds: rounded up, it is never earlier than asked for.
    const at = Math.ceil((this.#time.unix() + skewMs) / 1000 + retryAfter) * 1000
    const value = retryAfterForm === 'date' ? new Date(at).toUTCString() : String(retryAfter)
    return { ...answer, headers: { ...answer.headers, 'retry-after': value } }
  }

  #send(open: OpenRequest, given: MockAnswer, isCut = false): void {
    const { logged, response, skewMs } = open
    if (response.destroyed || response.writableEnded) return
    const answer = completeAnswer(given)
    const serverNow = this.#time.unix() + skewMs
    response.statusCode = answer.status
    response.setHeader('date', new Date(serverNow).toUTCString())
    for (const field of open.fields) {
      const [name, value] = shiftedField(field, serverNow - Date.now())
      if (!this.#options.speaks.omits.includes(name.toLowerCase())) response.setHeader(name, value)
    }
    for (const [name, value] of Object.entries(answer.headers)) {
      // The passage of a denial has its own.
      if (!(name === 'content-type' && response.hasHeader(name))) response.setHeader(name, value)
    }
    if (answer.status >= 400) {
      logged.request.waitMs = announcedWaitMs((name) => response.getHeader(name), serverNow) ?? logged.request.waitMs
    }
    if (isCut) cutAnswer(response, answer)
    else writeAnswer(response, answer)
  }
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** @throws {ConfigError} on what is no answer, and not `undefined` either. */
function checkAnswer(answer: unknown): MockAnswer | undefined {
  if (answer === undefined) return undefined
  if (typeof answer === 'object' && answer !== null) return answer
  throw new ConfigError(`respond: expected an answer such as { status: 200, body: 'hello' }, got ${shown(answer)}.`)
}

function fail(response: ServerResponse, error: unknown): void {
  if (response.destroyed || response.headersSent) {
    response.destroy()
    return
  }
  response.statusCode = 500
  response.setHeader('content-type', 'text/plain; charset=utf-8')
  response.end(`The mock API failed: ${describe(error)}\n`)
}
