export { type UpstashStoreOptions, upstashStore } from './upstash-store.js'
