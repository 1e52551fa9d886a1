/**
 * The seam for what observes limits: metrics, logs, a dashboard.
 * @module @sluice/core/observe
 */

export { isShutOut } from '../decisions/override.js'
export { fullOf, unitsAt } from '../decisions/standing.js'
export { isUndecided } from '../http/problem.js'
export { keyDigest } from '../runtime/key.js'
export { type EnforcedLimit, type EnforcedPolicy, enforcedBy, enforces } from './enforced-limit.js'
export {
  isMiddleware,
  isObservable,
  type Observable,
  type ObservedControls,
  type ObservedLimit,
  observableOf,
} from './observable.js'
export type { Observer, StoreFault, StoreObserver, StoreOperation, WaitResult } from './observer.js'
export { publishedLimit, restoredLimit } from './published-limit.js'
