/**
 * The behaviour that every store must show, for any test runner.
 * @module @sluice/core/testing
 */

export { type MakeStore, type StoreCase, storeSpec } from './store-spec.js'
