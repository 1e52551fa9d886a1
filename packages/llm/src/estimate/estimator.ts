import { CostError } from '@sluice/core'
import { isThenable, shown } from '@sluice/core/runtime'
import type { Estimate } from '../call.js'
import { heeded } from '../complaints.js'
import type { CheckedLlm } from '../options.js'
import { microDollars, type Price } from '../prices.js'
import type { Asked, Problem } from '../providers/provider.js'
import { Observed } from './observed.js'
import { requestInput } from './request-input.js'

/** What a call is expected to use, and what it will surely use: only by that is a request refused for good. */
export interface Counted {
  readonly estimate: Estimate
  readonly least: Estimate
  /** The price of the model that was asked. */
  readonly price: Price | undefined
}

/** Until a model has answered often enough to say how long and how much it takes. */
const FIRST_OUTPUT = 1_000
const FIRST_MS = 10_000

/** However short the answers were that others have asked for. */
const LEAST_OUTPUT = 256
const LEAST_MS = 1_000

/** An estimate is not further off than this but for odd texts (docs/llm.md): what may still fit is let through, and settled. */
const SURE = 0.5

/** How a request is refused that has to name a model. */
export const NO_MODEL: Problem = { status: 404, code: 'model_not_found', message: 'The request names no model.' }

export const NOTHING: Estimate = { inputTokens: 0, outputTokens: 0, microDollars: 0, inferenceMs: 0 }

/** Estimates calls, and learns from those that have ended. */
export class Estimator {
  readonly #options: Pick<CheckedLlm<never>, 'counter' | 'imageTokens' | 'reserveOutput' | 'priceOf' | 'contextOf'>
  readonly #outputs = new Observed()
  readonly #durations = new Observed()
  /** How a request is refused. */
  readonly #refuse: (problem: Problem) => Error

  constructor(options: CheckedLlm<never>, refuse: (problem: Problem) => Error) {
    this.#options = options
    this.#refuse = refuse
  }

  /** `outputTokens` of an answer that was not cut short by a maximum of its request. */
  note(model: string, outputTokens: number | undefined, inferenceMs: number): void {
    if (outputTokens !== undefined) this.#outputs.note(model, outputTokens)
    this.#durations.note(model, inferenceMs)
  }

  /** Milliseconds within which most calls to a model end. */
  usualMs(model: string): number {
    return Math.max(this.#durations.p95(model) ?? FIRST_MS, LEAST_MS)
  }

  #usualOutput(model: string): number {
    return Math.max(this.#outputs.p95(model) ?? FIRST_OUTPUT, LEAST_OUTPUT)
  }

  /** @throws what `refuse` makes of a request that can never be answered; also as a rejection. */
  count(body: unknown, asked: Asked, model: string): Counted | Promise<Counted> {
    const price = this.#priceOf(model)
    const context = this.#contextOf(model)
    const { texts, otherTokens, attachments } = requestInput(body)
    const others = otherTokens + attachments * this.#options.imageTokens
    const counted = this.#options.counter.count(texts, Math.max(0, (context ?? Number.POSITIVE_INFINITY) - others))
    const { isExact } = this.#options.counter
    const next = (tokens: number): Counted => {
      const least = Math.floor(isExact ? tokens + otherTokens * SURE : (tokens + otherTokens) * SURE)
      return this.#counted(tokens + others, least, asked, model, price, context)
    }
    return isThenable(counted) ? counted.then(next) : next(counted)
  }

  #counted(
    inputTokens: number,
    leastInput: number,
    { maxOutputTokens, choices }: Asked,
    model: string,
    price: Price | undefined,
    context: number | undefined,
  ): Counted {
    if (context !== undefined && leastInput + (maxOutputTokens ?? 0) > context) {
      throw this.#refuse(tooLong(context, inputTokens, maxOutputTokens))
    }
    const wanted = maxOutputTokens ?? this.#options.reserveOutput ?? this.#usualOutput(model)
    const room = Math.max(0, (context ?? Number.POSITIVE_INFINITY) - leastInput)
    const outputTokens = Math.min(Math.min(wanted, room) * choices, Number.MAX_SAFE_INTEGER)
    const inferenceMs = Math.ceil(this.usualMs(model))
    return {
      estimate: { inputTokens, outputTokens, microDollars: dollars(inputTokens, outputTokens, price), inferenceMs },
      least: { inputTokens: leastInput, outputTokens: 0, microDollars: dollars(leastInput, 0, price), inferenceMs: 0 },
      price,
    }
  }

  #priceOf(model: string): Price | undefined {
    const { priceOf } = this.#options
    const price = priceOf?.(model)
    if (priceOf === undefined || price !== undefined) return price
    if (model === '') throw this.#refuse(NO_MODEL)
    const message = `The model ${shown(model)} is not available here.`
    throw this.#refuse({ status: 404, code: 'model_not_found', message })
  }

  #contextOf(model: string): number | undefined {
    const context: unknown = heeded('context', this.#options.contextOf(model))
    if (context === undefined || (typeof context === 'number' && context >= 1)) return context
    throw new CostError(`context: expected tokens for ${shown(model)}, at least 1, got ${shown(context)}.`)
  }
}

function dollars(inputTokens: number, outputTokens: number, price: Price | undefined): number | undefined {
  return price && microDollars({ inputTokens, outputTokens, cachedTokens: 0, cacheWriteTokens: 0 }, price)
}

function tooLong(context: number, inputTokens: number, outputTokens: number | undefined): Problem {
  const output = outputTokens === undefined ? '' : ` and ${outputTokens.toLocaleString('en')} for the answer`
  return {
    status: 400,
    code: 'context_length_exceeded',
    message:
      `This model's context holds ${context.toLocaleString('en')} tokens. This request needs about ` +
      `${inputTokens.toLocaleString('en')} for its messages${output}.`,
  }
}
