import { toStore } from '../create-store.js'
import type { Decision } from '../decision.js'
import { ConfigError, shown } from '../errors.js'
import {
  checkFailure,
  FAILURE_OPTIONS,
  type Failure,
  type FailureOptions,
  type InstancesOption,
  shareOf,
} from '../failover/failure.js'
import { Share } from '../failover/share.js'
import { checkOptions } from '../options.js'
import type { PolicyLike } from '../policies.js'
import { checkName } from '../policy.js'
import type { Store } from '../store.js'
import { checkDialects, type Dialect } from './headers.js'
import type { Reply } from './problem.js'

type Awaitable<T> = T | Promise<T>

/** What a limit can be told; each may stand in `sluice()` as a default for all. */
export interface LimitOptions<Req> extends FailureOptions {
  /** Names the policies in header fields and in the store: limits of one name share their buckets. */
  readonly name?: string
  /** Whose quota a request uses; its client's IP address unless told. */
  readonly key?: (request: Req) => Awaitable<string>
  /** Units a request takes, a whole number ≥ 0; 1 unless told. */
  readonly cost?: number | ((request: Req) => Awaitable<number>)
  /** Requests that are not limited at all. */
  readonly skip?: (request: Req) => Awaitable<boolean>
  /** Which finished responses give back what they took: those below 400, those from 400 on, or as told by their status. */
  readonly refund?: 'successful' | 'failed' | ((status: number) => boolean)
  /** Shares of a quota, above 0 and up to 1, from which on the client is warned. */
  readonly warnAt?: number | readonly number[]
  /** How limits are told in header fields; `'draft'` unless told, `[]` for not at all. */
  readonly headers?: Dialect | readonly Dialect[]
  /** Replaces the body of a denial. */
  readonly response?: (decision: Decision, request: Req) => Reply
  /** Decides, counts and reports, but never denies and tells the client nothing. */
  readonly shadow?: boolean
}

/** What `sluice()` takes: where buckets live, and defaults for every limit. */
export interface SluiceOptions<Req> extends LimitOptions<Req>, InstancesOption {
  /** A Store or its URL; a memory store of its own unless told. */
  readonly store?: Store | string | undefined
}

/** Policies that depend on the request: plans, tiers. */
export type PolicyFunction<Req> = (request: Req) => Awaitable<PolicyLike | readonly PolicyLike[]>

/** The options, complete and checked. */
export interface CheckedOptions<Req> {
  readonly name: string | undefined
  readonly key: ((request: Req) => Awaitable<string>) | undefined
  readonly cost: number | ((request: Req) => Awaitable<number>)
  readonly skip: ((request: Req) => Awaitable<boolean>) | undefined
  readonly refund: ((status: number) => boolean) | undefined
  readonly warnAt: number | readonly number[]
  readonly dialects: readonly Dialect[]
  readonly response: ((decision: Decision, request: Req) => Reply) | undefined
  readonly shadow: boolean
  readonly failure: Failure
}

/** What `sluice()` was given, checked and taken apart. */
export interface CheckedSluice<Req> {
  readonly store: Store
  readonly defaults: LimitOptions<Req>
  readonly share: Share
}

const KNOWN = ['name', 'key', 'cost', 'skip', 'refund', 'warnAt', 'headers', 'response', 'shadow', ...FAILURE_OPTIONS]

/** There is only this server. */
const ALL = new Share(1)

/** @throws {ConfigError} on an unknown option or a value that cannot be right. */
export function checkLimitOptions<Req>(
  place: string,
  options: LimitOptions<Req>,
  defaults: LimitOptions<Req> = {},
  share: Share = ALL,
): CheckedOptions<Req> {
  checkOptions(place, options, KNOWN)
  const {
    name,
    key,
    cost = 1,
    skip,
    refund,
    warnAt = [],
    headers,
    response,
    shadow = false,
    ...failure
  } = { ...defaults, ...options }
  checkFunctions({ key, skip, response })
  if (typeof cost !== 'function' && !(Number.isSafeInteger(cost) && cost >= 0)) {
    throw new ConfigError(`cost: expected a whole number of units ≥ 0 or a function, got ${shown(cost)}.`)
  }
  if (typeof shadow !== 'boolean') throw new ConfigError(`shadow: expected true or false, got ${shown(shadow)}.`)
  return {
    name: name === undefined ? undefined : checkName(name),
    key,
    cost,
    skip,
    refund: checkRefund(refund),
    warnAt,
    dialects: checkDialects(headers),
    response,
    shadow,
    failure: checkFailure(failure, share),
  }
}

/** Splits what `sluice()` was given into its store and its defaults, both checked. */
export function checkSluiceOptions<Req>(options: SluiceOptions<Req>): CheckedSluice<Req> {
  checkOptions('sluice()', options, ['store', 'instances', ...KNOWN])
  const { store, instances, ...defaults } = options
  checkLimitOptions('sluice()', defaults)
  const share = shareOf(instances === undefined ? {} : { instances })
  return { store: toStore(store), defaults, share }
}

function checkFunctions(options: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(options)) {
    if (value !== undefined && typeof value !== 'function') {
      throw new ConfigError(`${name}: expected a function, got ${shown(value)}.`)
    }
  }
}

function checkRefund(refund: LimitOptions<never>['refund']): ((status: number) => boolean) | undefined {
  if (refund === undefined || typeof refund === 'function') return refund
  if (refund === 'successful') return (status) => status < 400
  if (refund === 'failed') return (status) => status >= 400
  throw new ConfigError(`refund: expected 'successful', 'failed' or a function of the status, got ${shown(refund)}.`)
}
