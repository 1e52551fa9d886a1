import { ConfigError } from '@sluice/core'
import { keyDigest } from '@sluice/core/observe'
import { shown } from '@sluice/core/runtime'

export interface KeyOptions {
  /** How keys are shown; defaults to `'hashed'`: 16 letters that are the same for the same key. */
  readonly key?: 'hashed' | 'plain' | undefined
  /**
   * Makes hashes that nobody can find the key of without it. Without one, whoever has the hash of an address can try all
   * addresses.
   */
  readonly keySecret?: string | undefined
}

/** How a key is shown. @throws {ConfigError} on options that cannot be right. */
export function keyShower({ key = 'hashed', keySecret }: KeyOptions): (key: string) => string {
  if (key !== 'hashed' && key !== 'plain')
    throw new ConfigError(`key: expected 'hashed' or 'plain', got ${shown(key)}.`)
  if (keySecret !== undefined && (typeof keySecret !== 'string' || keySecret === '')) {
    throw new ConfigError('keySecret: expected a text that is not empty.')
  }
  if (key === 'plain') return (own) => (own.length > 256 ? `${own.slice(0, 256)}…` : own)
  return (own) => keyDigest(own, keySecret) ?? ''
}
