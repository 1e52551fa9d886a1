export { type MakeStore, type StoreCase, storeSpec } from './store-spec.js'
