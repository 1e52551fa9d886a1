import type { Unit } from '@sluice/core'
import { sumOf, type Usage } from './usage/usage.js'

/** What a call is expected to use: what is reserved for it, up to what each limit can hold. */
export interface Estimate {
  readonly inputTokens: number
  readonly outputTokens: number
  /** `undefined` without `prices`. */
  readonly microDollars: number | undefined
  readonly inferenceMs: number
}

/** What a call was charged for, once it is over. */
export interface Charge extends Usage {
  /** The model that answered, where the answer said so; otherwise the one that was asked. */
  readonly model: string
  /** In whole millionths of a dollar; `undefined` without `prices`. */
  readonly microDollars: number | undefined
  /** From the moment at which the limit let the request through to the end of the response. */
  readonly inferenceMs: number
  /**
   * Where the tokens come from: the answer's own `usage`; an `estimate`, where it said nothing of it or was cut short; or `nothing`, an
   * error of the upstream's, or an answer of your own (`free`), which cost no tokens.
   */
  readonly from: 'usage' | 'estimate' | 'nothing'
  /**
   * How the response ended: all of it was `sent`; the client `left`; it was `cut`, since its budget was used up; or the handler broke it off, as it
   * does when the provider does (`broken`).
   */
  readonly outcome: 'sent' | 'left' | 'cut' | 'broken'
  readonly estimate: Estimate
}

/** One request to a model, from the limit on. */
export interface Call {
  /** As the request names it; empty where it names none. */
  readonly model: string
  /** Whether the answer was asked for as a stream. */
  readonly isStream: boolean
  /** What is reserved; `undefined` until it has been counted. */
  readonly estimate: Estimate | undefined
  /** What was charged; `undefined` until the response has ended. */
  readonly charge: Charge | undefined
  /**
   * Aborts when nobody waits for the answer any more: the client has left, or the stream was cut. Pass it to the upstream call, so that
   * the provider stops too: a client that leaves a call that heeds it pays for what was streamed, otherwise for what was reserved.
   */
  readonly signal: AbortSignal
  /** The answer comes from elsewhere, such as a cache: no model is asked, and nothing is charged but the request. Call it before answering. */
  free(): void
}

/** What of an estimate or a charge a policy counts; `undefined` for units that are not the model's. */
export function unitsOf(
  unit: Unit,
  { inputTokens, outputTokens, microDollars, inferenceMs }: Estimate | Charge,
): number | undefined {
  switch (unit) {
    case 'tokens':
      return sumOf(inputTokens, outputTokens)
    case 'input-tokens':
      return inputTokens
    case 'output-tokens':
      return outputTokens
    case 'micro-dollars':
      return microDollars ?? 0
    case 'inference-ms':
      return inferenceMs
    default:
      return undefined
  }
}

const calls = new WeakMap<object, Call>()

export function noteCall(request: object, call: Call): void {
  calls.set(request, call)
}

/**
 * The call that a request makes, where a limit with `llm()` has let it through: for its handler. In Koa, of the context.
 * @example
 * app.post('/v1/chat/completions', express.json(), limit(llm({ provider: 'openai', limits: '100k tokens/min' })), async (req, res) => {
 *   const answer = await fetch(upstream, { method: 'POST', headers, body: JSON.stringify(req.body), signal: callOf(req)?.signal })
 * })
 */
export function callOf(request: object): Call | undefined {
  return calls.get(request)
}
