/**
 * What an adapter for a framework is made of: requests in, answers out.
 * @module @sluice/core/http
 */

export type { EstimatedCost } from '../decisions/ask.js'
export { bindingOf, type ReportedStanding } from '../decisions/binding.js'
export type { Events } from '../limiter/events.js'
export type { DecisionMessage } from '../observe/channels.js'
export { clientKey } from './client-ip.js'
export type { Clients } from './client-list.js'
export type { Configuration, ConfiguredLimit } from './configuration.js'
export { isGone, type ResponseLike, whenEnded } from './connection.js'
export type { DelayFunction, DelayOptions } from './delay.js'
export { decisionOf, fieldsOf } from './exchange.js'
export { Guard } from './guard.js'
export type { GuardParts } from './guard-parts.js'
export { checkDialects, type Dialect, type Field, headerFields, retryAfterSeconds } from './headers.js'
export type { LimitControls } from './limit-controls.js'
export type {
  LimitOptions,
  LimitPolicies,
  LimitPolicy,
  LimitPolicyLike,
  PlainPolicies,
  PolicyFunction,
  SluiceOptions,
} from './limit-options.js'
export { isMeasured, type Measure, type Measured } from './measured.js'
export type { Passage, RequestHeaders, RequestReader } from './passage.js'
export { type PlanPolicies, Plans, plans } from './plans.js'
export { problem, sentenceOf } from './problem.js'
export { RateLimitError } from './rate-limit-error.js'
export { Refusal } from './refusal.js'
export type { Reply } from './reply.js'
export { routeName } from './route-name.js'
export { type Admits, createLimit, type Limit } from './sluice.js'
export { type UsageOptions, UsagePage } from './usage-page.js'
