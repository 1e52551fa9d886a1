/**
 * Policies, limiters and stores, without HTTP.
 * @module @sluice/core
 */

export type { Ask, Return } from './decisions/ask.js'
export { Decision, type DecisionJson } from './decisions/decision.js'
export { Standing } from './decisions/standing.js'
export { ConfigError, CostError, KeyError, StoreError } from './errors.js'
export type { StoreEvents } from './failover/failover.js'
export type { FailureOptions, InstancesOption, OnStoreError } from './failover/failure.js'
export type { Costs, Keys } from './limiter/costs.js'
export type { DecisionMessage, Events } from './limiter/events.js'
export { type Cost, createLimiter, type Limiter, type LimiterOptions } from './limiter/limiter.js'
export { type MemoryStore, type MemoryStoreOptions, memoryStore } from './memory/memory-store.js'
export type { NamedPolicy, PolicyLike, PolicyList } from './policies/bind-policies.js'
export {
  fixedWindow,
  type LeakyBucketOptions,
  leakyBucket,
  type PolicyOptions,
  type SlidingWindowOptions,
  slidingLog,
  slidingWindow,
  type TokenBucketOptions,
  tokenBucket,
} from './policies/constructors.js'
export type { AlgorithmName, Policy } from './policies/policy.js'
export { parseRate, type Rate, type RateNumbers, type Unit } from './policies/rate.js'
export type { RateText } from './policies/rate-text.js'
export { createStore } from './stores/create-store.js'
export type { Answer, Store, SyncStore } from './stores/store.js'
