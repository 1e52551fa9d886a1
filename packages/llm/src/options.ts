import { ConfigError, type Policy, type PolicyList, type RateText } from '@sluice/core'
import type { LimitPolicy, Plans } from '@sluice/core/http'
import { checkOptions, checkWhole, shown } from '@sluice/core/runtime'
import type { Call, Charge } from './call.js'
import { type TextCounter, type Tokenizer, textCounter } from './estimate/tokenizer.js'
import { checkPrices, type Price, type Prices } from './prices.js'
import type { Provider, ProviderName } from './providers/provider.js'
import { providerOf } from './providers/providers.js'
import type { UsageSaid } from './usage/usage.js'

type Awaitable<T> = T | Promise<T>

/** A policy with a name, a key or a cost of its own; its key may depend on the call, as on its model. */
export interface LlmPolicy<Req> extends Omit<LimitPolicy<Req>, 'key'> {
  /** @example { policy: '1M tokens/min', name: 'model', key: (req, call) => call.model } */
  readonly key?: ((request: Req, call: LimitedCall) => string | Promise<string>) | undefined
}

/** A policy as `limits` takes it. */
export type LlmPolicyLike<Req> = string | Policy | LlmPolicy<Req>

/** What is known of a call before it is decided. */
export type LimitedCall = Pick<Call, 'model' | 'isStream'>

/** All that `limits` can be; texts are checked in the editor. */
export type LlmLimits<
  Req,
  T extends string = string,
  L extends readonly LlmPolicyLike<Req>[] = readonly LlmPolicyLike<Req>[],
> = RateText<T> | Policy | LlmPolicy<Req> | PolicyList<L> | Plans<Req> | LlmPolicyFunction<Req>

/** Policies that depend on the call. */
export type LlmPolicyFunction<Req> = (
  request: Req,
  call: LimitedCall,
) => Awaitable<LlmPolicyLike<Req> | readonly LlmPolicyLike<Req>[]>

/** What `llm()` takes. What every limit has, such as `key`, `name`, `warnAt` and `shadow`, `limit` takes beside it. */
export interface LlmOptions<
  Req,
  T extends string = string,
  L extends readonly LlmPolicyLike<Req>[] = readonly LlmPolicyLike<Req>[],
> {
  /** Whose API clients speak here: how requests and answers are read, and how denials are worded. */
  readonly provider: ProviderName
  /**
   * Policies in requests, tokens, dollars, seconds of inference and concurrent calls, decided together: `'60/min'`, `'100k tokens/min'`,
   * `'20k output tokens/min'`, `'$5/day'`, `'600 inference s/hour'`, `concurrency(4)`, quotas; by `plans`, or by a function of the request.
   */
  readonly limits: LlmLimits<Req, T, L>
  /** Dollars per million tokens by model. Needed for limits in dollars: a model that has none is refused. */
  readonly prices?: Prices | undefined
  /** Tokens that a model's context holds, input and output together. A request that is surely larger is refused. */
  readonly context?: Readonly<Record<string, number>> | ((model: string) => number | undefined) | undefined
  /** How tokens are counted beforehand. By default they are estimated; `'o200k'` counts with gpt-tokenizer, which has to be installed. */
  readonly tokenizer?: Tokenizer | undefined
  /**
   * Output tokens to reserve for a request that names no maximum of its own. By default what 95 of the model's last 100 answers stayed
   * below, at least 256; 1,000 until there were ten.
   */
  readonly reserveOutput?: number | undefined
  /** Tokens for each image, clip or file in a request; defaults to 1,000. */
  readonly imageTokens?: number | undefined
  /** Which model a request is for, where neither its body nor its target says so. */
  readonly model?: ((request: Req) => string) | undefined
  /**
   * Reads the usage of an answer, or of an event of a stream, that is in no form the provider has; it is given the parsed JSON. What it
   * does not answer, the provider's form does.
   */
  readonly usage?: ((data: unknown) => UsageSaid | undefined) | undefined
  /**
   * What becomes of a stream that uses more than was reserved for it: `'finish'` lets it end, and what there was no room for is owed;
   * `'cut'` takes more while it runs, and ends it with an error where there is no more. Defaults to `'finish'`.
   */
  readonly onOverBudget?: 'finish' | 'cut' | undefined
  /** Is told what each call was charged, once it has been: for logs and bills. */
  readonly onCharged?: ((charge: Charge, request: Req) => void) | undefined
}

/** The options, complete and checked. */
export interface CheckedLlm<Req> {
  readonly provider: Provider
  readonly limits: LlmLimits<Req>
  readonly priceOf: ((model: string) => Price | undefined) | undefined
  /** Whether any model has a price. */
  readonly hasPrices: boolean
  readonly contextOf: (model: string) => number | undefined
  readonly counter: TextCounter
  readonly reserveOutput: number | undefined
  readonly imageTokens: number
  readonly model: ((request: Req) => string) | undefined
  readonly usage: ((data: unknown) => UsageSaid | undefined) | undefined
  readonly cuts: boolean
  readonly onCharged: ((charge: Charge, request: Req) => void) | undefined
}

const KNOWN = [
  ...['provider', 'limits', 'prices', 'context', 'tokenizer', 'reserveOutput', 'imageTokens', 'model', 'usage'],
  ...['onOverBudget', 'onCharged'],
]

const MOST_TOKENS = 1_000_000_000

/** @throws {ConfigError} on an option that cannot be right. */
export function checkLlm<Req>(options: LlmOptions<Req>): CheckedLlm<Req> {
  if (typeof options === 'object' && options !== null && ('headers' in options || 'req' in options)) {
    throw new ConfigError(
      "llm is no function of a request: call it, as in limit(llm({ provider: 'openai', limits: '60/min' })).",
    )
  }
  checkOptions('llm()', options, KNOWN)
  const { limits, reserveOutput, imageTokens = 1_000, model, usage, onOverBudget = 'finish', onCharged } = options
  if (limits === undefined) {
    throw new ConfigError("limits: llm() needs policies, as in llm({ provider: 'openai', limits: '100k tokens/min' }).")
  }
  for (const [name, value] of Object.entries({ model, usage, onCharged })) {
    if (value !== undefined && typeof value !== 'function') {
      throw new ConfigError(`${name}: expected a function, got ${shown(value)}.`)
    }
  }
  if (onOverBudget !== 'finish' && onOverBudget !== 'cut') {
    throw new ConfigError(`onOverBudget: expected 'finish' or 'cut', got ${shown(onOverBudget)}.`)
  }
  return {
    provider: providerOf(options.provider),
    limits,
    priceOf: checkPrices(options.prices),
    hasPrices:
      options.prices !== undefined && (typeof options.prices === 'function' || Object.keys(options.prices).length > 0),
    contextOf: checkContext(options.context),
    counter: textCounter(options.tokenizer),
    reserveOutput: reserveOutput === undefined ? undefined : checkWhole('reserveOutput', reserveOutput, 0, MOST_TOKENS),
    imageTokens: checkWhole('imageTokens', imageTokens, 0, MOST_TOKENS),
    model,
    usage,
    cuts: onOverBudget === 'cut',
    onCharged,
  }
}

function checkContext(context: LlmOptions<never>['context']): (model: string) => number | undefined {
  if (context === undefined) return () => undefined
  if (typeof context === 'function') return context
  if (typeof context !== 'object' || context === null || Array.isArray(context)) {
    throw new ConfigError(
      `context: expected tokens by model, as in { 'gpt-5': 400_000 }, or a function, got ${shown(context)}.`,
    )
  }
  const sizes = Object.entries(context).map(([model, size]): [string, number] => [
    model,
    checkWhole(`context: that of ${shown(model)}`, size, 1, MOST_TOKENS),
  ])
  const byModel = new Map(sizes)
  return (model) => byModel.get(model)
}
