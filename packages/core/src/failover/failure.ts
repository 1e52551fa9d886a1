import { ConfigError, shown } from '../errors.js'
import { checkWhole } from '../options.js'
import { Share } from './share.js'

/** What decides while the store is unavailable: all requests pass, none do, or each server limits by its own memory. */
export type OnStoreError = 'allow' | 'deny' | 'local'

export interface FailureOptions {
  /** Milliseconds that a decision may wait for its store, a whole number from 1 to 60,000; defaults to 200. */
  readonly timeoutMs?: number | undefined
  /** What decides when the store does not answer in time, or with an error; defaults to `'local'`. */
  readonly onStoreError?: OnStoreError | undefined
}

export interface InstancesOption {
  /** How many servers share the store: with `'local'` each then has that part of a quota. Defaults to 1: each has all of it. */
  readonly instances?: number | undefined
}

/** The options, complete and checked. */
export interface Failure {
  readonly timeoutMs: number
  readonly onStoreError: OnStoreError
  readonly share: Share
}

export const FAILURE_OPTIONS = ['timeoutMs', 'onStoreError'] as const

const CHOICES: readonly unknown[] = ['allow', 'deny', 'local']

/** @throws {ConfigError} on a value that cannot be right. */
export function checkFailure(options: FailureOptions, share: Share): Failure {
  const { timeoutMs = 200, onStoreError = 'local' } = options
  if (!CHOICES.includes(onStoreError)) {
    throw new ConfigError(`onStoreError: expected 'allow', 'deny' or 'local', got ${shown(onStoreError)}.`)
  }
  return { timeoutMs: checkWhole('timeoutMs', timeoutMs, 1, 60_000), onStoreError, share }
}

/** @throws {ConfigError} unless it is a whole number from 1 to 1,000,000. */
export function shareOf({ instances = 1 }: InstancesOption): Share {
  return new Share(checkWhole('instances', instances, 1, 1_000_000))
}
