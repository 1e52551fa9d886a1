/**
 * Tests of clients and servers of limited APIs.
 * @module @sluice/testing
 */

export { ConfigError } from '@sluice/core'
export { type ManualClock, manualClock } from './clock/manual-clock.js'
export { type Exhausted, type ExhaustOptions, exhaust } from './exhaust/exhaust.js'
export type { ExhaustedRequest, TestedApp } from './exhaust/tested-app.js'
export { assertRateLimit, assertRateLimited } from './matchers/assertions.js'
export type { ExpectedDenial, ExpectedRateLimit, NumberOrRange } from './matchers/expectations.js'
export { type RateLimitMatchers, rateLimitMatchers } from './matchers/matchers.js'
export type { ResponseLike } from './matchers/read-response.js'
export type { MockAnswer } from './mock/answer.js'
export type { ClockFault, Fault, FaultedRequests, HangFault, ResetFault, StatusFault } from './mock/faults.js'
export type { Latency } from './mock/latency.js'
export type { MockLimits } from './mock/limits.js'
export { type MockApi, mockApi } from './mock/mock-api.js'
export type { MockApiOptions } from './mock/options.js'
export type { ReceivedRequest } from './mock/received-request.js'
export { expectPolite, type PoliteOptions } from './polite/expect-polite.js'
export { PolitenessError } from './polite/politeness-error.js'
export type { PoliteCheck, PoliteCheckName, PoliteClient, PoliteReport } from './polite/report.js'
export type { MockPolicies, MockPolicy, PresetName } from './presets/preset.js'
export { type FlakyOptions, flakyStore, type Share, type StoreMethod } from './stores/flaky-store.js'
export { type IsolatedStore, isolated } from './stores/isolated.js'
export type { Violation, ViolationKind } from './violations/violation.js'
