import type { Costs } from '@sluice/core'
import { describe } from '@sluice/core/runtime'
import { type Verdict, verdictOfStatus } from '../call/verdict.js'
import type { Work } from '../call/work.js'
import type { Settings } from '../settings.js'
import { judgeDenial } from './denial.js'
import { discardBody } from './discard.js'
import { holdResponse, holdWithSignal } from './held-response.js'
import type { OutgoingRequest } from './outgoing-request.js'
import { refusalOf } from './refusal.js'

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

  get route(): string {
    return this.#request.route
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
    const { retry, hedgeAfterMs } = settings
    const isLast = attempt >= (retry?.attempts ?? 1) && hedgeAfterMs === undefined
    return fetch(...this.#request.forAttempt(isLast, stop ?? this.signal))
  }

  /** @throws {TypeError} where a fetch that was given is none. */
  judge(response: Response): Verdict {
    if (typeof response?.status !== 'number' || typeof response.headers?.get !== 'function') {
      throw new TypeError('The given fetch function has not resolved with a Response.')
    }
    return verdictOfStatus(response.status, response.headers, this.#terms.settings.statuses)
  }

  judgeBody(response: Response, verdict: Verdict): Promise<Verdict> | undefined {
    return verdict.isRate && this.#terms.settings.retry !== undefined ? judgeDenial(response, verdict) : undefined
  }

  discard(response: Response): void {
    // What a fetch that was given resolves with after its time may be anything.
    if (typeof response === 'object' && response !== null) discardBody(response)
  }

  /** A body that is read later still ends with its caller's signal, and gives back what it holds when it has ended. */
  held(response: Response, release: () => void, abort: ((reason: unknown) => void) | undefined): Response {
    const { concurrency, limiter } = this.#terms.settings
    const { signal } = this
    const isHeld = concurrency !== undefined || limiter !== undefined
    if (!isHeld && (signal === undefined || abort === undefined)) return response
    if (signal === undefined) return holdResponse(response, release).response
    return holdWithSignal(response, signal, release, () => abort?.(signal.reason))
  }

  /** An SDK above has attempts of its own, which would multiply with these: this header ends them (Stainless: OpenAI, Anthropic). */
  failed(response: Response): Response {
    return Object.isExtensible(response) ? finalResponse(response) : response
  }

  /** What a server or a gateway would have answered, for an SDK that reads responses. */
  refused(error: unknown): Response | undefined {
    const refusal = refusalOf(error)
    if (refusal === undefined) return undefined
    const { status, title, type, retryAt } = refusal
    const headers = new Headers({ 'content-type': 'application/problem+json', 'x-should-retry': 'false' })
    if (retryAt !== undefined) {
      headers.set('retry-after', String(Math.max(1, Math.ceil((retryAt - Date.now()) / 1_000))))
    }
    const detail = `${describe(error)} (@sluice/client)`
    return new Response(JSON.stringify({ type, title, status, detail }), { status, statusText: title, headers })
  }
}

/** Its copies are final too. */
function finalResponse(response: Response): Response {
  const headers = new Headers(response.headers)
  headers.set('x-should-retry', 'false')
  const { clone } = response
  return Object.defineProperties(response, {
    headers: { value: headers, configurable: true, enumerable: true },
    clone: { value: () => finalResponse(clone.call(response)), configurable: true, writable: true },
  })
}
