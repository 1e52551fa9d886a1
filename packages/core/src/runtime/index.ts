/**
 * What packages over core share: options that are checked, events that are typed, and the little that is used of a runtime.
 * @module @sluice/core/runtime
 */

export { describe, isError, shown } from '../errors.js'
export { checkFlag, checkName, checkOptions, checkWhole, nearestTo } from '../options.js'
export { checkTime } from '../policies/duration.js'
export { builtin, type Channel, warn } from './builtin.js'
export { Emitter, type Listener } from './emitter.js'
export { LONGEST_TIMER_MS } from './longest-timer.js'
export { optionalPackage } from './optional-package.js'
export { isThenable } from './thenable.js'
