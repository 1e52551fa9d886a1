import type { Decision } from '@sluice/core'
import type { Measure, Measured, RequestReader, ResponseLike } from '@sluice/core/http'
import { shown } from '@sluice/core/runtime'
import { type Charge, noteCall } from './call.js'
import { complain, heeded } from './complaints.js'
import { denialReply, refusalOf } from './denial.js'
import { Estimator } from './estimate/estimator.js'
import { CallPolicies } from './limits.js'
import { type CallParts, LlmCall } from './llm-call.js'
import { type CheckedLlm, checkLlm, type LlmOptions, type LlmPolicyLike } from './options.js'
import type { Asked, Problem } from './providers/provider.js'
import type { UsageReader } from './response/answer.js'
import { at, merged, tokensIn, type UsageSaid } from './usage/usage.js'

/**
 * Limits for a route that passes calls on to a model, in requests, tokens, dollars, seconds of inference and concurrent calls. What a
 * call will use is estimated and reserved, and settled by what its answer says it used.
 * @example
 * app.post('/v1/chat/completions', express.json(), limit(llm({ provider: 'openai', limits: ['60/min', '100k tokens/min'] })), proxy)
 * @throws {ConfigError} on an option that cannot be right.
 */
export function llm<
  Req extends object,
  const T extends string = string,
  const L extends readonly LlmPolicyLike<Req>[] = readonly LlmPolicyLike<Req>[],
>(options: LlmOptions<Req, T, L>): Measured<Req> {
  const checked = checkLlm(options as unknown as LlmOptions<Req>)
  return { kind: 'sluice.measured', bind: (reader) => new LlmMeasure(checked, reader) }
}

/** Methods of requests that ask a model for nothing, such as a list of models. */
const WITHOUT_BODY: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'DELETE'])

/** One limit's. */
class LlmMeasure<Req extends object> implements Measure<Req> {
  readonly policies: Measure<Req>['policies']
  readonly #options: CheckedLlm<Req>
  readonly #reader: RequestReader<Req>
  readonly #parts: CallParts
  readonly #calls = new WeakMap<Req, LlmCall>()

  constructor(options: CheckedLlm<Req>, reader: RequestReader<Req>) {
    const { provider, priceOf, cuts } = options
    this.#options = options
    this.#reader = reader
    const refuse = (problem: Problem): Error => refusalOf(provider, problem)
    const estimator = new Estimator(options as CheckedLlm<never>, refuse)
    this.#parts = { provider, estimator, reader: usageReader(options), priceOf, cuts }
    this.policies = new CallPolicies<Req>((request) => this.#callOf(request), options.hasPrices, refuse).of(
      options.limits,
    )
  }

  response(decision: Decision, request: Req): ReturnType<typeof denialReply> {
    const usualMs = this.#parts.estimator.usualMs(this.#calls.get(request)?.model ?? '')
    return denialReply(decision, this.#options.provider, usualMs)
  }

  fields(standings: Decision['standings']): ReturnType<CheckedLlm<Req>['provider']['fields']> {
    return this.#options.provider.fields(standings, Date.now())
  }

  admitted(request: Req, response: ResponseLike, decision: Decision): void {
    const call = this.#callOf(request)
    noteCall(request, call)
    call.begin(request, response, decision, (charge) => this.#tell(charge, request))
  }

  #tell(charge: Charge, request: Req): void {
    try {
      heeded('onCharged', this.#options.onCharged?.(charge, request))
    } catch (error) {
      complain('onCharged', error)
    }
  }

  #callOf(request: Req): LlmCall {
    let call = this.#calls.get(request)
    if (call === undefined) {
      call = this.#read(request)
      this.#calls.set(request, call)
    }
    return call
  }

  /** @throws {Refusal} on a request without a body that can be read. */
  #read(request: Req): LlmCall {
    const { provider } = this.#options
    const { method, url } = this.#reader.target?.(request) ?? { method: 'POST', url: '' }
    const body = this.#body(request, method)
    const asked: Asked = body === undefined ? NOTHING_ASKED : provider.asked(body, url)
    const model = body === undefined ? '' : this.#model(request, asked)
    return new LlmCall(this.#parts, body, asked, model, url)
  }

  #model(request: Req, asked: Asked): string {
    const model: unknown = asked.model ?? heeded('model', this.#options.model?.(request)) ?? ''
    if (typeof model !== 'string')
      throw new TypeError(`model: expected a function that returns a string, got ${shown(model)}.`)
    return model.slice(0, LONGEST_NAME)
  }

  /** `undefined` for a request that asks a model for nothing. */
  #body(request: Req, method: string): unknown {
    const body = this.#reader.body?.(request)
    if (typeof body === 'string' || isBytes(body)) return this.#parsed(body)
    // Some parsers make an empty object of no body.
    const isEmpty = typeof body === 'object' && body !== null && Object.keys(body).length === 0
    if (typeof body === 'object' && body !== null && !isEmpty) return body
    if (WITHOUT_BODY.has(method)) return undefined
    const headers: Readonly<Record<string, unknown>> = { ...this.#reader.headers(request) }
    const hasSome = headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
    if (hasSome && !isEmpty && /^application\/json\b/i.test(String(headers['content-type'] ?? ''))) {
      throw new Error(
        `llm(): the request's body has not been parsed, so what it costs is not known: ${this.#reader.bodyAdvice ?? 'parse it first'}.`,
      )
    }
    throw this.#invalid(
      isEmpty
        ? "The request's body is empty."
        : 'The request has no body of JSON. Send one, with the header content-type: application/json.',
    )
  }

  #parsed(body: string | NodeJS.ArrayBufferView): unknown {
    const text = typeof body === 'string' ? body : new TextDecoder().decode(body)
    try {
      const value: unknown = JSON.parse(text)
      if (typeof value === 'object' && value !== null) return value
    } catch {
      // What is no JSON is told so below.
    }
    throw this.#invalid("The request's body is no object of JSON.")
  }

  #invalid(message: string): Error {
    return refusalOf(this.#options.provider, { status: 400, code: 'invalid_body', message })
  }
}

function isBytes(value: unknown): value is NodeJS.ArrayBufferView {
  return ArrayBuffer.isView(value)
}

const NOTHING_ASKED: Asked = { model: undefined, isStream: false, maxOutputTokens: 0, choices: 1 }

const USAGE_NAMES: readonly string[] = ['inputTokens', 'outputTokens', 'cachedTokens', 'cacheWriteTokens']

/** Names come from clients, and are remembered. */
const LONGEST_NAME = 256

/** The app's own way to read usage, over the provider's. */
function usageReader<Req>({ usage, provider }: CheckedLlm<Req>): UsageReader {
  const answeredBy = (data: unknown): string | undefined => provider.answeredBy(data)
  if (usage === undefined) return { usage: (data) => provider.usage(data), answeredBy, isOwn: false }
  return {
    usage(data) {
      const theirs = provider.usage(data)
      try {
        const own: unknown = heeded('usage', usage(data))
        if (typeof own === 'object' && own !== null) return merged(theirs ?? {}, checkedUsage(own))
      } catch (error) {
        complain('usage', error)
      }
      return theirs
    },
    answeredBy,
    isOwn: true,
  }
}

function checkedUsage(said: object): UsageSaid {
  const unknown = Object.keys(said).find((name) => !USAGE_NAMES.includes(name))
  if (unknown !== undefined)
    complain('usage', new Error(`it returned ${shown(unknown)}; the names are ${USAGE_NAMES.join(', ')}.`))
  return {
    inputTokens: tokensIn(at(said, 'inputTokens')),
    outputTokens: tokensIn(at(said, 'outputTokens')),
    cachedTokens: tokensIn(at(said, 'cachedTokens')),
    cacheWriteTokens: tokensIn(at(said, 'cacheWriteTokens')),
  }
}
