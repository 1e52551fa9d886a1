/**
 * Policies, limiters and stores, without HTTP.
 * @module @sluice/core
 */

export type { AdaptiveTerms } from './adaptive/adaptive-limit.js'
export { type Ask, newAsk, type Return } from './decisions/ask.js'
export { Decision, type DecisionJson } from './decisions/decision.js'
export type { Edit, IdNumbers, Once, OnceAnswer, PastPeriod } from './decisions/edit.js'
export type { Renewal } from './decisions/lease.js'
export type { Ban, Override } from './decisions/override.js'
export type { Settled } from './decisions/settler.js'
export { type PeriodStanding, Standing } from './decisions/standing.js'
export { ConfigError, CostError, KeyError, PlanError, StoreError } from './errors.js'
export type { StoreEvents } from './failover/failover.js'
export type { FailureOptions, InstancesOption, OnStoreError } from './failover/failure.js'
export type { BanByHand, BanOptions } from './limiter/ban-options.js'
export type { Costs, Keys } from './limiter/costs.js'
export type { Events } from './limiter/events.js'
export type { Grant, GrantOptions } from './limiter/grants.js'
export { type Ledger, type LedgerEvents, type LedgerOptions, type LedgerRecord, ledger } from './limiter/ledger.js'
export { type Cost, createLimiter, type Limiter, type LimiterOptions, type Take } from './limiter/limiter.js'
export type { OverrideOptions, OverrideTo } from './limiter/override-options.js'
export type { HistoryByPolicy, Usage, UsageByPolicy } from './limiter/usage.js'
export type { Signal, WaitOptions } from './limiter/wait.js'
export { WaitError, type WaitReason } from './limiter/wait-error.js'
export { type MemoryStore, type MemoryStoreOptions, memoryStore } from './memory/memory-store.js'
export type {
  BanMessage,
  DecisionMessage,
  DeniedMessage,
  QuotaMessage,
  StoreMessage,
  StoreNews,
} from './observe/channels.js'
export type { StoreFault, StoreOperation } from './observe/observer.js'
export { type AdaptiveConcurrencyOptions, adaptiveConcurrency } from './policies/adaptive-concurrency.js'
export type { NamedPolicy, PolicyLike, PolicyList } from './policies/bind-policies.js'
export type { Calendar, Period, PeriodUnit } from './policies/calendar.js'
export { type ConcurrencyOptions, concurrency, type QueueOptions } from './policies/concurrency.js'
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
export type { Time } from './policies/duration.js'
export type { AlgorithmName, LeaseTerms, Policy, QueueTerms } from './policies/policy.js'
export { type Duration, parseRate, type Rate, type RateNumbers, type Unit } from './policies/rate.js'
export type { RateText } from './policies/rate-text.js'
export type { StoredPolicy } from './policies/stored-policy.js'
export { createStore } from './stores/create-store.js'
export type { Answer, Counts, Store, StoreStats, SyncStore, TextEntry, Texts } from './stores/store.js'
