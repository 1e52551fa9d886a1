/**
 * Limits in tokens, money and inference time for LLM APIs.
 * @module @sluice/llm
 */

export { type Call, type Charge, callOf, type Estimate } from './call.js'
export type { Tokenizer } from './estimate/tokenizer.js'
export { llm } from './llm.js'
export type { LimitedCall, LlmLimits, LlmOptions, LlmPolicy, LlmPolicyFunction, LlmPolicyLike } from './options.js'
export type { Price, Prices } from './prices.js'
export type { ProviderName } from './providers/provider.js'
export type { Usage, UsageSaid } from './usage/usage.js'
