/**
 * What a store is made of that runs Lua as Redis does.
 * @module @sluice/core/remote
 */

export { environment } from '../runtime/builtin.js'
export { literalGlob, type NamingOptions } from './bucket-name.js'
export type { Connection } from './connection.js'
export { type RemoteStoreOptions, remoteStore } from './remote-store.js'
export type { Reply } from './reply.js'
export { scriptFor } from './script.js'
