import type { Decision } from '@sluice/core'
import { isGone, type ResponseLike, whenEnded } from '@sluice/core/http'
import { isThenable } from '@sluice/core/runtime'
import { Abortion, abortionOf } from './abortion.js'
import type { Call, Charge, Estimate } from './call.js'
import { Charging } from './charging.js'
import { complain } from './complaints.js'
import { type Counted, type Estimator, NOTHING } from './estimate/estimator.js'
import { microDollars, type Price } from './prices.js'
import type { Asked, Provider } from './providers/provider.js'
import type { UsageReader } from './response/answer.js'
import { Tap } from './response/tap.js'
import { WholeEvents } from './response/whole-events.js'
import { sumOf, type Usage } from './usage/usage.js'

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
  readonly #url: string
  #counting: Counted | Promise<Counted> | undefined
  #counted: Counted | undefined
  /** Shared with the other limits of the request: they are about one call to a provider. */
  #abortion: Abortion = new Abortion()
  #tap: Tap | undefined
  #charging: Charging | undefined
  #startedAt = 0
  #outcome: Charge['outcome'] = 'sent'
  /** No model was asked. */
  #isFree = false
  #onCharged: (charge: Charge) => void = () => undefined

  constructor(parts: CallParts, body: unknown, asked: Asked, model: string, url: string) {
    this.#parts = parts
    this.#body = body
    this.#asked = asked
    this.#url = url
    this.model = model
    this.isStream = asked.isStream
  }

  get estimate(): Estimate | undefined {
    return this.#counted?.estimate
  }

  get signal(): AbortSignal {
    return this.#abortion.signal
  }

  free(): void {
    if (this.charge !== undefined) return
    this.#isFree = true
    this.#charging?.settle(NOTHING)
  }

  /** Counted once, however many policies ask. @throws a refusal; also as a rejection. */
  counted(): Counted | Promise<Counted> {
    this.#counting ??= this.#count()
    return this.#counting
  }

  #count(): Counted | Promise<Counted> {
    const counted =
      this.#body === undefined
        ? { estimate: NOTHING, least: NOTHING, price: undefined }
        : this.#parts.estimator.count(this.#body, this.#asked, this.model)
    const noted = (settled: Counted): Counted => {
      this.#counted = settled
      return settled
    }
    return isThenable(counted) ? counted.then(noted) : noted(counted)
  }

  /** It has been let through: from here on, its response is read. What asked a model for nothing costs nothing. */
  begin(request: object, response: ResponseLike, decision: Decision, onCharged: (charge: Charge) => void): void {
    this.#abortion = abortionOf(request)
    if (this.#body === undefined) return
    const { provider, reader, cuts } = this.#parts
    this.#onCharged = onCharged
    this.#startedAt = performance.now()
    this.#charging = new Charging(decision)
    const strips = this.isStream && provider.askForUsage(this.#body, this.#url)
    const tap = new Tap(response, reader, strips || cuts ? new WholeEvents(strips) : undefined, {
      passed: () => guarded(() => this.#passed()),
      ended: () => guarded(() => this.#over()),
    })
    this.#tap = tap
    const left = (): void => {
      if (this.#outcome === 'sent') this.#outcome = tap.isBroken ? 'broken' : 'left'
      const message = tap.isBroken ? 'The response was broken off.' : 'The client has left.'
      this.#abort(new DOMException(message, 'AbortError'))
      tap.finish()
    }
    // Also a response that was ended past the tap is over when it has been sent.
    whenEnded(response, (delivered) => (delivered ? tap.finish() : left()))
    if (isGone(response)) left()
  }

  #abort(reason: Error): void {
    if (this.charge === undefined) this.#abortion.abort(reason)
  }

  #passed(): void {
    if (!this.#parts.cuts || this.#tap?.isStream !== true || this.charge !== undefined) return
    this.#charging?.keepAhead(this.#costs(this.#usage().usage), () => this.#cut())
  }

  #cut(): void {
    if (this.#outcome === 'cut' || this.charge !== undefined) return
    this.#outcome = 'cut'
    const message = 'This answer was ended: it used more than its limit has left.'
    const event = this.#parts.provider.errorEvent({ status: 429, code: 'rate_limit_exceeded', message })
    this.#abort(new DOMException(message, 'AbortError'))
    this.#tap?.cut(event)
  }

  #over(): void {
    if (this.charge !== undefined) return
    const { usage, from } = this.#usage()
    const costs = this.#isFree ? NOTHING : this.#costs(usage)
    const { microDollars, inferenceMs } = costs
    const model = this.#tap?.answer?.model ?? this.model
    const outcome = this.#outcome
    const charge = { ...usage, model, microDollars, inferenceMs, from, outcome, estimate: this.estimate ?? costs }
    this.charge = charge
    // What a handler has settled by itself was no call, such as an answer from a cache.
    const isCall = this.#charging?.settle(charge) === true
    const { maxOutputTokens } = this.#asked
    if (isCall && from === 'usage') {
      this.#parts.estimator.note(
        this.model,
        maxOutputTokens === undefined ? usage.outputTokens : undefined,
        inferenceMs,
      )
    }
    this.#onCharged(charge)
  }

  /** What the answer says it used, and by estimate what it does not say. */
  #usage(): { readonly usage: Usage; readonly from: Charge['from'] } {
    if (this.#isFree) return { usage: { ...NO_USAGE }, from: 'nothing' }
    const { answer, status = 200 } = this.#tap ?? {}
    const { usage: said = {}, writtenSince = 0 } = answer ?? {}
    const isSaid = said.inputTokens !== undefined || said.outputTokens !== undefined
    if (!isSaid && status >= 400) return { usage: { ...NO_USAGE }, from: 'nothing' }
    const usage = {
      inputTokens: said.inputTokens ?? this.estimate?.inputTokens ?? 0,
      outputTokens: sumOf(said.outputTokens ?? 0, writtenSince),
      cachedTokens: said.cachedTokens ?? 0,
      cacheWriteTokens: said.cacheWriteTokens ?? 0,
    }
    if (said.outputTokens !== undefined && writtenSince === 0) return { usage, from: 'usage' }
    if (!this.#isUnknown) return { usage, from: 'estimate' }
    return { usage: { ...usage, outputTokens: Math.max(usage.outputTokens, this.#reservedOutput) }, from: 'estimate' }
  }

  /**
   * Whether nobody can tell how much was written: the answer was in no form that can be read, or the provider writes on for a client that has
   * left, since nobody has the signal that would tell it.
   */
  get #isUnknown(): boolean {
    const { answer, bytes = 0, isEncoded = false } = this.#tap ?? {}
    if (this.#outcome === 'left' && !this.#abortion.isWatched) return true
    return (answer === undefined && bytes > 0) || (isEncoded && answer?.writtenSince === 0)
  }

  /** No more than was taken: what a request names as its maximum can be any number. */
  get #reservedOutput(): number {
    const { inputTokens = 0, outputTokens = 0 } = this.estimate ?? {}
    return Math.min(outputTokens, this.#charging?.reservedOutput(inputTokens) ?? 0)
  }

  #costs(usage: Usage): Estimate {
    const price = this.#priceOfAnswer() ?? this.#counted?.price
    return {
      inputTokens: usage.inputTokens,
      outputTokens: usage.outputTokens,
      microDollars: price && microDollars(usage, price),
      inferenceMs: Math.ceil(performance.now() - this.#startedAt),
    }
  }

  /** That of the model that answered, which may be a version of the one that was asked. */
  #priceOfAnswer(): Price | undefined {
    const answered = this.#tap?.answer?.model
    if (answered === undefined || answered === this.model) return undefined
    try {
      return this.#parts.priceOf?.(answered)
    } catch (error) {
      complain('prices', error)
      return undefined
    }
  }
}

const NO_USAGE: Usage = { inputTokens: 0, outputTokens: 0, cachedTokens: 0, cacheWriteTokens: 0 }

/** Nothing that goes wrong here may go wrong for whoever writes a response. */
function guarded(work: () => void): void {
  try {
    work()
  } catch (error) {
    complain('charge', error)
  }
}
