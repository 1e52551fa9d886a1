import type { Decision } from '@sluice/core'
import { isGone, type ResponseLike, whenEnded } from '@sluice/core/http'
import type { Call, Charge, Estimate } from './call.js'
import { Charging } from './charging.js'
import { type Counted, type Estimator, NOTHING } from './estimate/estimator.js'
import { microDollars, type Price } from './prices.js'
import type { Asked, Provider } from './providers/provider.js'
import type { UsageReader } from './response/answer.js'
import { Tap } from './response/tap.js'
import type { Usage } from './usage/usage.js'

/** What calls of one limit have in common. */
export interface CallParts {
  readonly provider: Provider
  readonly estimator: Estimator
  readonly reader: UsageReader
  readonly priceOf: ((model: string) => Price | undefined) | undefined
  readonly cuts: boolean
}

/** One call, from its request to its charge. */
export class LlmCall implements Call {
  readonly model: string
  readonly isStream: boolean
  charge: Charge | undefined
  readonly #parts: CallParts
  readonly #body: unknown
  readonly #asked: Asked
  #counted: Counted | Promise<Counted> | undefined
  #estimate: Estimate | undefined
  #controller: AbortController | undefined
  /** Of a call that is over: why nobody waits any more. */
  #reason: Error | undefined
  #tap: Tap | undefined
  #charging: Charging | undefined
  #startedAt = 0
  #isCut = false
  #onCharged: (charge: Charge) => void = () => undefined

  constructor(parts: CallParts, body: unknown, asked: Asked, model: string) {
    this.#parts = parts
    this.#body = body
    this.#asked = asked
    this.model = model
    this.isStream = asked.isStream
  }

  get estimate(): Estimate | undefined {
    return this.#estimate
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController()
      if (this.#reason !== undefined) this.#controller.abort(this.#reason)
    }
    return this.#controller.signal
  }

  /** Counted once, however many policies ask. @throws a refusal; also as a rejection. */
  counted(): Counted | Promise<Counted> {
    this.#counted ??= this.#count()
    return this.#counted
  }

  #count(): Counted | Promise<Counted> {
    if (this.#body === undefined) return { estimate: NOTHING, least: NOTHING }
    const counted = this.#parts.estimator.count(this.#body, this.#asked, this.model)
    const noted = (settled: Counted): Counted => {
      this.#estimate = settled.estimate
      return settled
    }
    return 'then' in counted ? counted.then(noted) : noted(counted)
  }

  /** It has been let through: from here on, its response is read. What asked a model for nothing costs nothing. */
  begin(response: ResponseLike, decision: Decision, onCharged: (charge: Charge) => void): void {
    if (this.#body === undefined) return
    const { provider, reader } = this.#parts
    this.#onCharged = onCharged
    this.#startedAt = performance.now()
    this.#charging = new Charging(decision)
    const strips = this.isStream && provider.askForUsage(this.#body)
    this.#tap = new Tap(response, reader, strips, {
      passed: () => this.#passed(),
      ended: () => this.#over(isGone(response) ? 'left' : 'sent'),
    })
    whenEnded(response, (delivered) => {
      if (!delivered) this.#left()
    })
  }

  #left(): void {
    if (this.charge === undefined) this.#abort(new DOMException('The client has left.', 'AbortError'))
    this.#over('left')
  }

  #abort(reason: Error): void {
    if (this.#reason !== undefined) return
    this.#reason = reason
    this.#controller?.abort(reason)
  }

  #passed(): void {
    if (!this.#parts.cuts || this.#tap?.isStream !== true || this.charge !== undefined) return
    const { usage } = this.#usage()
    this.#charging?.keepAhead(this.#costs(usage), () => this.#cut())
  }

  #cut(): void {
    if (this.#isCut || this.charge !== undefined) return
    this.#isCut = true
    const message = 'This answer was ended: it used more than its limit has left.'
    this.#tap?.cut(this.#parts.provider.errorEvent({ status: 429, code: 'rate_limit_exceeded', message }))
    this.#abort(new DOMException(message, 'AbortError'))
  }

  #over(outcome: 'sent' | 'left'): void {
    if (this.charge !== undefined) return
    const { usage, from } = this.#usage(outcome === 'left')
    const costs = this.#costs(usage)
    const charge: Charge = {
      ...usage,
      model: this.#tap?.answer?.model ?? this.model,
      microDollars: costs.microDollars,
      inferenceMs: costs.inferenceMs,
      from,
      outcome: this.#isCut ? 'cut' : outcome,
      estimate: this.#estimate ?? costs,
    }
    this.charge = charge
    if (from === 'usage') this.#parts.estimator.note(this.model, usage.outputTokens, costs.inferenceMs)
    this.#charging?.settle(charge)
    this.#onCharged(charge)
  }

  /** What the answer says it used, and by estimate what it does not say. */
  #usage(hasLeft = false): { readonly usage: Usage; readonly from: Charge['from'] } {
    const { answer, status = 200, bytes = 0 } = this.#tap ?? {}
    const said = answer?.usage ?? {}
    const written = answer?.writtenSince ?? 0
    const isSaid = said.inputTokens !== undefined || said.outputTokens !== undefined
    if (!isSaid && status >= 400) return { usage: usageOf(0, 0), from: 'nothing' }
    const isWhole = said.outputTokens !== undefined && written === 0
    const inputTokens = said.inputTokens ?? this.#estimate?.inputTokens ?? 0
    const usage = {
      inputTokens,
      outputTokens: (said.outputTokens ?? 0) + written,
      cachedTokens: said.cachedTokens ?? 0,
      cacheWriteTokens: said.cacheWriteTokens ?? 0,
    }
    if (isWhole) return { usage, from: 'usage' }
    // Nobody could tell how much was written: the answer was in no form that can be read, or came after the client had left.
    const isUnknown = answer === undefined && (bytes > 0 || (hasLeft && this.#controller === undefined))
    const outputs = isUnknown && !isSaid ? (this.#estimate?.outputTokens ?? 0) : usage.outputTokens
    return { usage: { ...usage, outputTokens: outputs }, from: 'estimate' }
  }

  #costs(usage: Usage): Estimate {
    const answered = this.#tap?.answer?.model
    const { priceOf } = this.#parts
    const price = (answered === undefined ? undefined : priceOf?.(answered)) ?? priceOf?.(this.model)
    return {
      inputTokens: usage.inputTokens,
      outputTokens: usage.outputTokens,
      microDollars: price && microDollars(usage, price),
      inferenceMs: Math.ceil(performance.now() - this.#startedAt),
    }
  }
}

function usageOf(inputTokens: number, outputTokens: number): Usage {
  return { inputTokens, outputTokens, cachedTokens: 0, cacheWriteTokens: 0 }
}
