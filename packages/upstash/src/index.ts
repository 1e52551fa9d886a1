/**
 * A store on Upstash Redis, over REST.
 * @module @sluice/upstash
 */

export { type UpstashStoreOptions, upstashStore } from './upstash-store.js'
