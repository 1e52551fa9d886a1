/**
 * Limits from a file: `sluice.config.json`, `.yaml`, `.js` or `.ts`.
 * @module @sluice/config
 */

export type {
  Config,
  ConfigRequest,
  ConfiguredLimit,
  ConfiguredLimitOptions,
  ConfiguredPolicies,
} from './config.js'
export type {
  ConfigFile,
  FileKey,
  FileLimit,
  FileOptions,
  FilePolicies,
  FilePolicy,
  FileQuota,
  KeySource,
  PolicyExtras,
  Weekday,
} from './config-file.js'
export { type LoadOptions, loadConfig } from './load-config.js'
