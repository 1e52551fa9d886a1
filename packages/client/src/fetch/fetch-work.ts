import type { Costs } from '@sluice/core'
import { type Verdict, verdictOfStatus } from '../call/verdict.js'
import type { Work } from '../call/work.js'
import type { RetryAfterError } from '../errors.js'
import type { Settings } from '../options.js'
import { judgeDenial } from './denial.js'
import { discardBody } from './discard.js'
import { heldResponse } from './held-response.js'
import type { OutgoingRequest } from './outgoing-request.js'

export interface FetchTerms {
  readonly fetch: typeof fetch
  readonly settings: Settings
}

/** A request as the work of a call. */
export class FetchWork implements Work<Response> {
  readonly key: string
  readonly cost: Costs | undefined
  readonly priority: number
  readonly signal: AbortSignal | undefined
  readonly wantsSignal = false
  readonly #request: OutgoingRequest
  readonly #terms: FetchTerms

  constructor(
    request: OutgoingRequest,
    key: string,
    cost: Costs | undefined,
    priority: number,
    signal: AbortSignal | undefined,
    terms: FetchTerms,
  ) {
    this.#request = request
    this.key = key
    this.cost = cost
    this.priority = priority
    this.signal = signal
    this.#terms = terms
  }

  get isIdempotent(): boolean {
    const { method, headers } = this.#request
    return this.#terms.settings.retry?.methods.has(method) === true || headers.has('idempotency-key')
  }

  get isRepeatable(): boolean {
    return this.#request.isRepeatable
  }

  start(stop: AbortSignal | undefined, attempt: number): Promise<Response> {
    const { fetch, settings } = this.#terms
    const isLast = attempt >= (settings.retry?.attempts ?? 1)
    return fetch(...this.#request.forAttempt(isLast, bothOf(this.signal, stop)))
  }

  judge(response: Response): Verdict | Promise<Verdict> {
    const verdict = verdictOfStatus(response.status, response.headers, this.#terms.settings.statuses)
    return response.status === 429 && this.#terms.settings.retry !== undefined
      ? judgeDenial(response, verdict)
      : verdict
  }

  discard(response: Response): void {
    discardBody(response)
  }

  held(response: Response, release: () => void): Response {
    const { concurrency, limiter } = this.#terms.settings
    if (concurrency === undefined && limiter === undefined) return response
    return heldResponse(response, release)
  }

  /** An SDK above has attempts of its own, which would multiply with these: this header ends them (Stainless: OpenAI, Anthropic). */
  failed(response: Response): Response {
    const headers = new Headers(response.headers)
    headers.set('x-should-retry', 'false')
    Object.defineProperty(response, 'headers', { value: headers, configurable: true, enumerable: true })
    return response
  }

  /** What a server would have answered. */
  refused({ message, retryAt, limit }: RetryAfterError): Response | undefined {
    if (this.#terms.settings.giveUp === 'throw') return undefined
    const seconds = Math.max(1, Math.ceil((retryAt - Date.now()) / 1_000))
    const problem = {
      type: 'https://iana.org/assignments/http-problem-types#quota-exceeded',
      title: 'Too many requests',
      status: 429,
      detail: `${message} Not sent by @sluice/client.`,
      ...(limit === undefined ? undefined : { 'violated-policies': [limit.name] }),
    }
    return new Response(JSON.stringify(problem), {
      status: 429,
      statusText: 'Too Many Requests',
      headers: {
        'content-type': 'application/problem+json',
        'retry-after': String(seconds),
        'x-should-retry': 'false',
      },
    })
  }
}

/** A body that is read later still ends with the caller's signal. */
function bothOf(signal: AbortSignal | undefined, stop: AbortSignal | undefined): AbortSignal | undefined {
  if (signal === undefined || stop === undefined) return stop ?? signal
  return AbortSignal.any([signal, stop])
}
