import type { EstimatedCost } from '../decisions/ask.js'
import type { Decision } from '../decisions/decision.js'
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
import { type BanOptions, type BanTerms, checkBan } from '../limiter/ban-options.js'
import { checkLedger, type Ledger, type UsageLedger } from '../limiter/ledger.js'
import { checkKeepIds } from '../limiter/limiter.js'
import { checkFlag, checkName, checkOptions, checkWhole } from '../options.js'
import { LARGEST_QUOTA } from '../policies/amount.js'
import type { NamedPolicy } from '../policies/bind-policies.js'
import type { Policy } from '../policies/policy.js'
import { isThenable } from '../runtime/thenable.js'
import { toStore } from '../stores/create-store.js'
import type { Store } from '../stores/store.js'
import { type ClientList, type Clients, clientList } from './client-list.js'
import type { Configuration } from './configuration.js'
import { checkDelay, type DelayFunction, type DelayOptions, type DelayTerms } from './delay.js'
import { checkDialects, type Dialect } from './headers.js'
import type { Measured } from './measured.js'
import type { Plans } from './plans.js'
import type { Reply } from './reply.js'

type Awaitable<T> = T | Promise<T>

/** A policy in a list with a name, a key or a cost of its own; what it lacks is the limit's. */
export interface LimitPolicy<Req> extends NamedPolicy {
  readonly key?: ((request: Req) => Awaitable<string>) | undefined
  readonly cost?: number | ((request: Req) => Awaitable<number | EstimatedCost>) | undefined
}

/** A policy as `limit` takes it. */
export type LimitPolicyLike<Req> = string | Policy | LimitPolicy<Req>

/** A limit's options; each may also be given to `sluice()`, as a default for all limits. */
export interface LimitOptions<Req> extends FailureOptions {
  /** Names the policies in header fields and in the store: limits of one name share their buckets. */
  readonly name?: string | undefined
  /** Whose quota a request uses; its client's IP address by default. */
  readonly key?: ((request: Req) => Awaitable<string>) | undefined
  /** Units a request takes, a whole number ≥ 0; defaults to 1. */
  readonly cost?: number | ((request: Req) => Awaitable<number>) | undefined
  /**
   * Counts once: a request with the same key and id is let through without taking anything again, as one that is sent anew
   * after its answer was lost. Where it returns `undefined`, the request counts as usual.
   */
  readonly id?: ((request: Req) => Awaitable<string | undefined>) | undefined
  /** Milliseconds for which an `id` counts once; defaults to 24 hours. */
  readonly keepIdsMs?: number | undefined
  /** Requests that are not limited at all: those that `sluice()`'s skips, and those that the limit's own does. */
  readonly skip?: ((request: Req) => Awaitable<boolean>) | undefined
  /**
   * Clients that are not limited: nothing is taken, and no fields are sent. Those that `sluice()` allows and those that the
   * limit's own list does.
   */
  readonly allow?: Clients<Req> | undefined
  /** Clients that are always denied, with 403, without asking the store; whoever is in `allow` too is allowed. */
  readonly block?: Clients<Req> | undefined
  /** Shuts a key out that is denied too often; all policies of such a limit have one key. */
  readonly ban?: BanOptions | undefined
  /** Takes from a client that is denied all the same, up to twice what passes at once: who does not wait, waits longer. Defaults to `false`. */
  readonly countDenied?: boolean | undefined
  /**
   * Slows requests down instead of denying them: each unit beyond `after` holds the request for `stepMs` longer. A function
   * returns the milliseconds.
   */
  readonly delay?: DelayOptions | DelayFunction<Req> | undefined
  /** Units beyond what passes at once that a client can owe, where requests cost more than was reserved; by default as many as can be counted. */
  readonly maxDebt?: number | undefined
  /** Which finished responses give back what they took: those below 400, those from 400 on, or as a function of their status decides. */
  readonly refund?: 'successful' | 'failed' | ((status: number) => Awaitable<boolean>) | undefined
  /** Shares of a quota, above 0 and up to 1, from which on the client is warned. */
  readonly warnAt?: number | readonly number[] | undefined
  /** Units after which `warning` is emitted again, beyond the highest `warnAt` or else the quota. */
  readonly warnEvery?: number | undefined
  /** How header fields report limits; defaults to `'draft'`, `[]` for not at all. */
  readonly headers?: Dialect | readonly Dialect[] | undefined
  /** Replaces the response to a denied request; where it returns nothing, the response is the usual one. */
  readonly response?: ((decision: Decision, request: Req) => Awaitable<Reply | undefined>) | undefined
  /** `'error'` passes a `RateLimitError` to the framework's own error handling; defaults to `'response'`. */
  readonly deny?: 'response' | 'error' | undefined
  /** The bits of an IPv6 address that are one client, 32 to 128; defaults to 64. */
  readonly ipv6Prefix?: number | undefined
  /** Decides, counts and reports, but never denies and reports nothing to the client. */
  readonly shadow?: boolean | undefined
}

/** What `sluice()` takes: where buckets live, and defaults for every limit. */
export interface SluiceOptions<Req> extends LimitOptions<Req>, InstancesOption, Configuration<Req> {
  /** A Store or its URL; defaults to a memory store of its own. */
  readonly store?: Store | string | undefined
  /** Where usage of calendar quotas is added up, to bill by. */
  readonly ledger?: Ledger | undefined
}

/** Policies that depend on the request: plans, tiers. */
export type PolicyFunction<Req> = (request: Req) => Awaitable<LimitPolicyLike<Req> | readonly LimitPolicyLike<Req>[]>

/** All that a limit can be made of whose costs need no measuring. */
export type PlainPolicies<Req> =
  | LimitPolicyLike<Req>
  | readonly LimitPolicyLike<Req>[]
  | PolicyFunction<Req>
  | Plans<Req>

/** All that a limit can be made of. */
export type LimitPolicies<Req> = PlainPolicies<Req> | Measured<Req>

/** The options, complete and checked. */
export interface CheckedOptions<Req> {
  readonly name: string | undefined
  readonly key: ((request: Req) => Awaitable<string>) | undefined
  readonly cost: number | ((request: Req) => Awaitable<number>)
  readonly id: ((request: Req) => Awaitable<string | undefined>) | undefined
  readonly keepIdsMs: number
  readonly skip: ((request: Req) => Awaitable<boolean>) | undefined
  readonly allow: readonly ClientList<Req>[]
  readonly block: readonly ClientList<Req>[]
  readonly ban: BanTerms | undefined
  readonly countDenied: boolean
  readonly delay: DelayTerms<Req> | undefined
  readonly maxDebt: number | undefined
  readonly refund: ((status: number) => Awaitable<boolean>) | undefined
  readonly warnAt: number | readonly number[]
  readonly warnEvery: number | undefined
  readonly dialects: readonly Dialect[]
  readonly response: ((decision: Decision, request: Req) => Awaitable<Reply | undefined>) | undefined
  readonly deny: 'response' | 'error'
  readonly ipv6Prefix: number
  readonly shadow: boolean
  readonly failure: Failure
}

/** What `sluice()` was given, checked and taken apart. */
export interface CheckedSluice<Req> {
  readonly store: Store
  readonly defaults: LimitOptions<Req>
  readonly share: Share
  readonly ledger: UsageLedger | undefined
  readonly configuration: Configuration<Req>
}

const KNOWN = [
  ...['name', 'key', 'cost', 'id', 'keepIdsMs', 'skip', 'refund', 'warnAt', 'warnEvery', 'headers', 'response', 'deny'],
  ...['ipv6Prefix', 'shadow', 'allow', 'block', 'ban', 'countDenied', 'delay', 'maxDebt'],
  ...FAILURE_OPTIONS,
]

/** There is only this server. */
const ALL = new Share(1)

/** @throws {ConfigError} on an unknown option or a value that cannot be right. */
export function checkLimitOptions<Req>(
  place: string,
  options: LimitOptions<Req>,
  defaults: LimitOptions<Req> = {},
  share: Share = ALL,
): CheckedOptions<Req> {
  if (place === 'limit()') refuseSluices(options)
  checkOptions(place, options, KNOWN)
  const {
    name,
    key,
    cost = 1,
    id,
    keepIdsMs,
    skip,
    allow: _allow,
    block: _block,
    ban,
    countDenied,
    delay,
    maxDebt,
    refund,
    warnAt = [],
    warnEvery,
    headers,
    response,
    deny = 'response',
    ipv6Prefix = 64,
    shadow,
    ...failure
  } = { ...withoutOther(defaults, options), ...given(options) }
  checkFunctions({ key, id, skip, response })
  checkDeny(deny, response)
  checkCostOption(cost)
  return {
    name: name === undefined ? undefined : checkName(name),
    key,
    cost,
    id,
    keepIdsMs: checkKeepIds(keepIdsMs),
    skip: defaults.skip === undefined || skip === defaults.skip ? skip : either(defaults.skip, skip),
    allow: listsOf('allow', defaults.allow, options.allow),
    block: listsOf('block', defaults.block, options.block),
    ban: checkBan(ban),
    countDenied: checkFlag('countDenied', countDenied),
    delay: checkDelay(delay),
    maxDebt: maxDebt === undefined ? undefined : checkWhole('maxDebt', maxDebt, 0, LARGEST_QUOTA),
    refund: checkRefund(refund),
    warnAt,
    warnEvery,
    dialects: checkDialects(headers),
    response,
    deny,
    ipv6Prefix: checkWhole('ipv6Prefix', ipv6Prefix, 32, 128),
    shadow: checkFlag('shadow', shadow),
    failure: checkFailure(failure, share),
  }
}

/** Those of `sluice()` hold for all limits, and a limit's own beside them. */
function listsOf<Req>(
  option: string,
  inherited: Clients<Req> | undefined,
  own: Clients<Req> | undefined,
): readonly ClientList<Req>[] {
  const lists = [clientList(option, inherited), own === inherited ? undefined : clientList(option, own)]
  return lists.filter((list) => list !== undefined)
}

/** Where buckets live is said once, for all limits. */
function refuseSluices(options: object): void {
  for (const name of ['store', 'instances', 'ledger']) {
    if (typeof options === 'object' && options !== null && name in options) {
      throw new ConfigError(`limit() has no option "${name}": it belongs to sluice(), and holds for all its limits.`)
    }
  }
}

/** An allowlist in `sluice()` holds for a limit that skips more. */
function either<Req>(one: Skip<Req>, other: Skip<Req> | undefined): Skip<Req> {
  if (other === undefined) return one
  return (request) => {
    const skipped = one(request)
    if (isThenable(skipped)) return Promise.resolve(skipped).then((yes) => yes || other(request))
    return skipped || other(request)
  }
}

type Skip<Req> = (request: Req) => Awaitable<boolean>

function checkDeny(deny: unknown, response: unknown): void {
  if (deny !== 'response' && deny !== 'error') {
    throw new ConfigError(`deny: expected 'response' or 'error', got ${shown(deny)}.`)
  }
  if (deny === 'error' && response !== undefined) {
    throw new ConfigError(
      "deny: 'error' leaves the response to the framework's error handling, so response is not called.",
    )
  }
}

/** Splits what `sluice()` was given into its parts, all checked. Opens the store. */
export function checkSluiceOptions<Req>(options: SluiceOptions<Req>): CheckedSluice<Req> {
  const checked = checkConfiguration(options)
  const { store, instances, ledger } = options
  return { ...checked, store: toStore(store), share: shareOf({ instances }), ledger: checkLedger(ledger) }
}

/** The defaults and the configuration, which may be swapped for others while limits are in use. */
export function checkConfiguration<Req>(
  options: SluiceOptions<Req>,
): Pick<CheckedSluice<Req>, 'defaults' | 'configuration'> {
  checkOptions('sluice()', options, ['store', 'instances', 'ledger', 'plans', 'limits', 'watch', ...KNOWN])
  const { store, instances: _instances, ledger: _ledger, plans, limits, watch, ...defaults } = options
  checkLimitOptions('sluice()', defaults)
  return { defaults, configuration: { plans, limits, watch, store } }
}

/** A limit that says how it denies has no use for the default way. */
function withoutOther<Req>(defaults: LimitOptions<Req>, own: LimitOptions<Req>): LimitOptions<Req> {
  const { response, deny, ...others } = defaults
  return {
    ...others,
    ...(own.deny === undefined ? { response } : {}),
    ...(own.response === undefined ? { deny } : {}),
  }
}

/** An option that is `undefined` is not given: the default stands. */
function given<Options extends object>(options: Options): Partial<Options> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Partial<Options>
}

/** @throws {ConfigError} unless it is a whole number of units or a function. */
export function checkCostOption(cost: unknown): void {
  if (typeof cost === 'function' || (typeof cost === 'number' && Number.isSafeInteger(cost) && cost >= 0)) return
  throw new ConfigError(`cost: expected a whole number of units ≥ 0 or a function, got ${shown(cost)}.`)
}

/** @throws {ConfigError} where one is given that is no function. */
export function checkFunctions(options: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(options)) {
    if (value !== undefined && typeof value !== 'function') {
      throw new ConfigError(`${name}: expected a function, got ${shown(value)}.`)
    }
  }
}

function checkRefund(refund: LimitOptions<never>['refund']): CheckedOptions<never>['refund'] {
  if (refund === undefined || typeof refund === 'function') return refund
  if (refund === 'successful') return (status) => status < 400
  if (refund === 'failed') return (status) => status >= 400
  throw new ConfigError(`refund: expected 'successful', 'failed' or a function of the status, got ${shown(refund)}.`)
}
