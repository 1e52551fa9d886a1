import { type Ask, haveSlots, newAsk } from '../decisions/ask.js'
import type { Decision } from '../decisions/decision.js'
import type { Ban, Override } from '../decisions/override.js'
import { ConfigError, KeyError, shown } from '../errors.js'
import { type Failover, failoverOf } from '../failover/failover.js'
import {
  checkFailure,
  FAILURE_OPTIONS,
  type Failure,
  type FailureOptions,
  type InstancesOption,
  shareOf,
} from '../failover/failure.js'
import type { MemoryStore } from '../memory/memory-store.js'
import { type Observable, observable } from '../observe/observable.js'
import { ObservedDecisions } from '../observe/observed-decisions.js'
import { checkFlag, checkOptions, checkWhole } from '../options.js'
import { LARGEST_QUOTA } from '../policies/amount.js'
import { bindPolicies, type PolicyLike, type PolicyList } from '../policies/bind-policies.js'
import type { Policy } from '../policies/policy.js'
import type { RateText } from '../policies/rate-text.js'
import type { Listener } from '../runtime/emitter.js'
import { isThenable } from '../runtime/thenable.js'
import { toStore } from '../stores/create-store.js'
import type { Answer, Store } from '../stores/store.js'
import { type BanByHand, type BanOptions, checkBan, checkBanByHand } from './ban-options.js'
import type { OnBanned } from './banning.js'
import { type Costs, checkCost, checkNames, checkNotEmpty, costOf, type Keys, keyOf } from './costs.js'
import { Decider } from './decider.js'
import { type Events, type LimitEvents, limitEvents, listen } from './events.js'
import { checkId, checkKey, type Grant, type GrantOptions, grantEdit, pastEdit, revokeEdit, wasDone } from './grants.js'
import { checkLedger, type Ledger } from './ledger.js'
import { checkOverride, type OverrideOptions, type OverrideTo } from './override-options.js'
import { emitBan, isHeard, report, reportWarnings } from './report.js'
import type { Outcome } from './slots.js'
import { type HistoryByPolicy, pastPeriods, type UsageByPolicy, usageOf } from './usage.js'
import { checkWait, WAIT_OPTIONS, type WaitOptions, waitInLine } from './wait.js'
import { WaitError } from './wait-error.js'

export interface LimiterOptions<T extends string, L extends readonly PolicyLike[], S extends Store = Store>
  extends FailureOptions,
    InstancesOption {
  /** One policy or several; a decision takes from all of them or from none. */
  readonly policies: RateText<T> | Policy | PolicyList<L>
  /** A Store, or the URL of one. Defaults to a memory store of its own. */
  readonly store?: S | string | undefined
  /** Names the policies, and so their buckets in a shared store. Defaults to `'default'`. */
  readonly name?: string | undefined
  /** Shares of a quota, above 0 and up to 1, at which `warning` is emitted. */
  readonly warnAt?: number | readonly number[] | undefined
  /** Units after which `warning` is emitted again, beyond the highest `warnAt` or else the quota. */
  readonly warnEvery?: number | undefined
  /** Milliseconds for which an `id` counts once. Defaults to 24 hours. */
  readonly keepIdsMs?: number | undefined
  /** Where usage of calendar quotas is added up, to bill by. */
  readonly ledger?: Ledger | undefined
  /** Shuts a key out that is denied too often. The key is one string for all policies. */
  readonly ban?: BanOptions | undefined
  /** Takes from a key that is denied all the same, up to twice what passes at once. Defaults to `false`. */
  readonly countDenied?: boolean | undefined
  /** Units beyond what passes at once that a key can owe, where it settles more than it reserved; by default as many as can be counted. */
  readonly maxDebt?: number | undefined
  /** How many may wait for one key at a time, in `wait` and `run`; defaults to 10,000. */
  readonly maxWaiting?: number | undefined
}

/** What a take costs. */
export interface Cost {
  /** Whole numbers of units ≥ 0: for every policy, or for each by its name. Defaults to 1. */
  readonly cost?: Costs | undefined
}

/** What a take costs, and what it is for. */
export interface Take extends Cost {
  /**
   * Counts once: a take with the same key and id, for 24 hours, takes nothing and is answered as the first was. Of a job
   * or an event that may come again. A denial is not remembered.
   */
  readonly id?: string | undefined
}

/** Policies over a store, for anything that has a key: a request, a job, a message. */
export interface Limiter<S extends Store> {
  readonly policies: readonly Policy[]
  /**
   * Takes `cost` units from every policy, or from none. The key is one string for all policies, or an object with one
   * for each policy's name.
   * @example limiter.consume('user-42', { cost: 3 })
   * @example limiter.consume({ 'chat-1s': 'user-42', everybody: 'all' }, { cost: { everybody: 5 } })
   * @throws {KeyError} when a key is not a string. @throws {CostError} when a cost is not a whole number ≥ 0.
   */
  consume(key: Keys, options?: Take): Answer<S, Decision>
  /** What `consume` would answer now; takes nothing. */
  peek(key: Keys, options?: Cost): Answer<S, Decision>
  /**
   * Gives back what a decision took, or `cost` units of it; never more than it took, however often it is called.
   * What has drained from a bucket in the meantime is not given back again. Rejects with a `StoreError` when the store
   * did not do so in time; it can then be called again.
   */
  refund(decision: Decision, options?: Cost): Answer<S, void>
  /**
   * Takes as `consume` does, and waits for it where that is denied: first come, first served for each key in this process. It
   * asks again when a denial's time has come, and for slots as soon as one is released.
   * @example await limiter.wait('user-42', { signal: AbortSignal.timeout(5_000) })
   * @throws {WaitError} where it takes longer than `maxWaitMs`, too many wait, or it can never be.
   */
  wait(key: Keys, options?: Cost & WaitOptions): Promise<Decision>
  /**
   * Takes as `consume` does, ahead of what is only known later: `settle` on the decision sets the true cost, `cancel` gives
   * everything back. Until then it counts as reserved, and denials say so.
   * @example
   * const reservation = limiter.reserve('org-7', { cost: 4_000 })
   * if (reservation.allowed) await reservation.settle(usage.total_tokens)
   */
  reserve(key: Keys, options?: Take): Answer<S, Decision>
  /**
   * Waits, runs the function, and releases the slots that it held, whether it succeeds or throws. Resolves with what the
   * function returns.
   * @example const page = await limiter.run('example.com', () => fetch(url))
   * @throws {WaitError} as `wait` does; then the function was not called.
   */
  run<T>(key: Keys, work: (decision: Decision) => T | PromiseLike<T>, options?: Cost & WaitOptions): Promise<T>
  /**
   * Releases the slots that a decision holds under `concurrency` policies, and gives nothing else back. A second call does
   * nothing. A slot that is not released is held for as long as this process lives.
   */
  release(decision: Decision): Answer<S, void>
  /** Resets a key: every bucket of it is fresh again. An object names keys by policy, and resets only those. */
  reset(key: Keys): Answer<S, void>
  /** Resets every key under these policies. */
  resetAll(): Answer<S, void>
  /** How much of each policy a key has used. Takes nothing. */
  usage(key: Keys): Answer<S, UsageByPolicy>
  /** The totals of a key's past periods, at most so many (12) of each calendar quota. */
  history(key: Keys, options?: { readonly periods?: number | undefined }): Answer<S, HistoryByPolicy>
  /**
   * Adds units to a key's calendar quota, beyond what it has each period. What expires first is used first.
   * @example await limiter.grant('org-7', 5_000, { id: payment.id, expiresAt: new Date('2027-01-01') })
   * @throws {ConfigError} where which quota is meant cannot be told. @throws {RangeError} on a thirty-third grant, also as a rejection.
   */
  grant(key: string, units: number, options?: GrantOptions): Answer<S, Grant>
  /** Takes back what is left of a grant. Answers with whether there was one. */
  revoke(key: string, id: string, options?: { readonly policy?: string | undefined }): Answer<S, boolean>
  /**
   * Lets other policies hold for a key, no limit at all, or shuts it out; `undefined` removes that. Every process that has a
   * limit of this name, over this store, obeys within a second. A key that ends in `*` stands for all that begin so; the
   * key itself, and then the longest, goes first.
   * @example await limiter.override('org-7', ['100/s', quota('1M/month')], { reason: 'launch', expiresAt: new Date('2027-01-01') })
   * @throws {ConfigError} on policies that cannot be right, also as a rejection.
   */
  override(key: string, to: OverrideTo, options?: OverrideOptions): Promise<void>
  /** The overrides of this limit that have not expired. */
  overrides(): Promise<readonly Override[]>
  /**
   * Shuts a key out, whatever its limit would say, in every process within a second; for good, or for a time. A key that is
   * banned for longer already stays so.
   * @example await limiter.ban('203.0.113.7', { for: '1d' })
   */
  ban(key: string, options?: BanByHand): Promise<void>
  /** Lifts a ban, and forgets how often the key was banned. Nothing else makes a ban shorter. */
  unban(key: string): Promise<void>
  /** The keys that are banned now. */
  bans(): Promise<readonly Ban[]>
  /**
   * Listens to decisions (`decision`, `denied`, `warning`) and to the store's health (`degraded`, `recovered`, `error`).
   * Returns a function that stops listening.
   */
  on<Name extends keyof Events<undefined>>(name: Name, listener: Listener<Events<undefined>[Name]>): () => void
  /** Delivers what the ledger has, and closes the store. */
  close(): void | Promise<void>
}

/**
 * A limiter without HTTP. Over the memory store its answers come at once; over a shared one `await` them: their types differ.
 * @example
 * const limiter = createLimiter({ policies: ['10/s', '1000/day'] })
 * if (!limiter.consume('user-42').allowed) console.log('later')
 * @throws {ConfigError} on anything that cannot be right.
 */
export function createLimiter<const T extends string, const L extends readonly PolicyLike[]>(
  options: LimiterOptions<T, L> & { readonly store?: undefined },
): Limiter<MemoryStore>
export function createLimiter<const T extends string, const L extends readonly PolicyLike[], S extends Store>(
  options: LimiterOptions<T, L, S> & { readonly store: S },
): Limiter<S>
export function createLimiter<const T extends string, const L extends readonly PolicyLike[]>(
  options: LimiterOptions<T, L> & { readonly store: Store | string | undefined },
): Limiter<Store>
export function createLimiter(options: LimiterOptions<string, readonly PolicyLike[]>): Limiter<Store> {
  checkOptions('createLimiter()', options, KNOWN)
  const { policies, store, name = 'default', warnAt, warnEvery } = options
  const keepIdsMs = checkKeepIds(options.keepIdsMs)
  const failure = checkFailure(options, shareOf(options))
  if (policies === undefined) throw new ConfigError("createLimiter() needs policies, as in { policies: '100/min' }.")
  const maxDebt = options.maxDebt === undefined ? undefined : checkWhole('maxDebt', options.maxDebt, 0, LARGEST_QUOTA)
  const naming = { name, warnAt, warnEvery, maxDebt }
  const failover = failoverOf(toStore(store))
  const observers = new ObservedDecisions((error) => failover.report(error))
  const decider = new Decider(naming, failover, failure, checkLedger(options.ledger), observers, {
    ban: checkBan(options.ban),
    countDenied: checkFlag('countDenied', options.countDenied),
  })
  const maxWaiting = checkWhole('maxWaiting', options.maxWaiting ?? 10_000, 1, 1_000_000)
  const limiter = new StoreLimiter(name, bindPolicies(policies, naming), decider, keepIdsMs, maxWaiting)
  decider.onLost = (decision, ask) => limiter.lost(decision, ask)
  decider.onCharged = (decision) => limiter.charged(decision)
  if (decider.banning !== undefined) decider.banning.onBanned = (ban) => limiter.banned(ban)
  const limits = [{ name, policies: limiter.policies, controls: limiter }]
  const on: Observable['on'] = (event, listener) => limiter.on(event, listener as never)
  return observable(limiter, { failover, decisions: observers, on, limits: () => limits })
}

const KNOWN = [
  ...[
    'policies',
    'store',
    'name',
    'warnAt',
    'warnEvery',
    'keepIdsMs',
    'ledger',
    'ban',
    'countDenied',
    'maxDebt',
    'maxWaiting',
    'instances',
  ],
  ...FAILURE_OPTIONS,
]

const NONE: Cost & WaitOptions = {}

/** Also behind a limit of HTTP's, for its keys without a request. */
export class StoreLimiter implements Limiter<Store> {
  readonly policies: readonly Policy[]
  readonly #name: string
  readonly #events: LimitEvents<undefined> = limitEvents()
  readonly #decider: Decider
  readonly #failover: Failover
  readonly #failure: Failure
  readonly #keepIdsMs: number
  readonly #maxWaiting: number

  constructor(name: string, policies: readonly Policy[], decider: Decider, keepIdsMs: number, maxWaiting: number) {
    const { failover, failure } = decider
    checkRoom(policies, failover.store)
    this.#name = name
    this.policies = policies
    decider.own(policies)
    this.#decider = decider
    this.#failover = failover
    this.#failure = failure
    this.#keepIdsMs = keepIdsMs
    this.#maxWaiting = maxWaiting
  }

  consume(key: Keys, options?: Take): Decision | Promise<Decision> {
    const began = this.#decider.observers.began()
    const decision = this.#decide(key, options)
    if (!this.#isHeard) return decision
    return isThenable(decision)
      ? decision.then((settled) => this.#reported(settled, began))
      : this.#reported(decision, began)
  }

  get #isHeard(): boolean {
    return isHeard(this.#events, this.#decider.observers)
  }

  #decide(key: Keys, options: Take | undefined): Decision | Promise<Decision> {
    if (typeof options !== 'object' || options === null || !('id' in options))
      return this.#decider.decide('consume', this.#asks(key, options))
    const { id, ...cost } = options
    if (id === undefined) return this.#decider.decide('consume', this.#asks(key, cost))
    const once = { scope: this.#name, id: checkId(id), keepMs: this.#keepIdsMs }
    return this.#decider.decide('consume', checkOneKey(this.#asks(key, cost)), once)
  }

  #reported(decision: Decision, began: number): Decision {
    const { observers, warns } = this.#decider
    report(this.#name, decision, undefined, began, this.#events, observers)
    if (warns) reportWarnings(this.#name, decision, undefined, this.#events, observers)
    return decision
  }

  peek(key: Keys, options?: Cost): Decision | Promise<Decision> {
    return this.#decider.decide('peek', this.#asks(key, options))
  }

  refund(decision: Decision, options?: Cost): void | Promise<void> {
    const costs = options?.cost
    checkNames(costs, this.policies, 'cost')
    for (const policy of this.policies) if (costs !== undefined) costOf(costs, policy, 0)
    return this.#decider.refund(decision, costs)
  }

  wait(key: Keys, options?: Cost & WaitOptions): Promise<Decision> {
    try {
      return this.#wait(key, options)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  #wait(key: Keys, options: (Cost & WaitOptions) | undefined): Promise<Decision> {
    if (options !== undefined) {
      checkOptions('wait() and run()', options, ['cost', ...WAIT_OPTIONS])
      checkWait(options)
    }
    const { cost } = options ?? NONE
    const asks = this.#asks(key, cost === undefined ? undefined : { cost })
    const line = `${this.#name}\0${typeof key === 'string' ? key : JSON.stringify(Object.entries(key).sort())}`
    const answer = waitInLine(this.#decider, line, asks, options ?? NONE, this.#maxWaiting, this.#waited)
    if (this.#decider.observers.isWatched) answer.catch((error) => this.#waitedInVain(error))
    return answer
  }

  readonly #waited = (decision: Decision): Decision => (this.#isHeard ? this.#reported(decision, 0) : decision)

  /** Whoever gives up was not denied, unless it is for how long that would take. */
  #waitedInVain(error: unknown): void {
    const { observers } = this.#decider
    const denial = error instanceof WaitError && error.reason !== 'closed' ? error.decision : undefined
    if (denial !== undefined) observers.decided(this.#name, denial, undefined, 0)
    else observers.each((one) => one.canceled?.(this.#name, undefined))
  }

  reserve(key: Keys, options?: Take): Decision | Promise<Decision> {
    const { reserved } = this.#decider
    reserved.isUsed = true
    return after(this.consume(key, options), (decision) => {
      reserved.add(decision)
      return decision
    })
  }

  async run<T>(key: Keys, work: (decision: Decision) => T | PromiseLike<T>, options?: Cost & WaitOptions): Promise<T> {
    if (typeof work !== 'function') throw new ConfigError(`run(): expected a function, got ${shown(work)}.`)
    const decision = await this.#wait(key, options)
    // What fails says nothing of how long it takes.
    let outcome: Outcome = 'left'
    try {
      const result = await work(decision)
      outcome = 'done'
      return result
    } finally {
      const released = this.#released(decision, outcome)
      if (released !== undefined) await released
    }
  }

  /** What the function returned matters more than a slot, which expires by itself. */
  #released(decision: Decision, outcome: Outcome): Promise<void> | undefined {
    return this.#failover.inBackground(() =>
      this.#failover.inTime(this.#decider.release(decision, outcome), this.#failure.timeoutMs),
    )
  }

  release(decision: Decision): void | Promise<void> {
    return this.#failover.inTime(this.#decider.release(decision), this.#failure.timeoutMs)
  }

  reset(key: Keys): void | Promise<void> {
    if (typeof key === 'string') return this.#decider.reset(this.policies, checkNotEmpty(key))
    checkNames(key, this.policies, 'key')
    if (typeof key === 'object' && key !== null && Object.keys(key).length === 0) {
      throw new KeyError('reset() takes a key, or an object with the keys of some policies; got none.')
    }
    const named = this.policies.filter(
      ({ name }) => typeof key !== 'object' || key === null || Object.hasOwn(key, name),
    )
    const resets = named.map((policy) => this.#failover.reset([policy], keyOf(key, policy), this.#failure))
    return resets.some(isThenable) ? Promise.all(resets).then(() => undefined) : undefined
  }

  resetAll(): void | Promise<void> {
    const { banning } = this.#decider
    return this.#failover.clear(banning === undefined ? this.policies : [...this.policies, banning.counter])
  }

  usage(key: Keys): UsageByPolicy | Promise<UsageByPolicy> {
    return after(this.#decider.look(this.#asks(key, { cost: 0 })), usageOf)
  }

  history(
    key: Keys,
    { periods = 12 }: { readonly periods?: number | undefined } = {},
  ): HistoryByPolicy | Promise<HistoryByPolicy> {
    checkWhole('periods', periods, 1, 60)
    const quotas = this.policies.flatMap((policy) =>
      policy.calendar === undefined ? [] : ([[policy, policy.calendar]] as const),
    )
    const answers = quotas.map(([policy]) => this.#failover.edit(pastEdit(policy, keyOf(key, policy)), this.#failure))
    const byPolicy = (pairs: readonly (readonly number[])[]): HistoryByPolicy =>
      Object.fromEntries(
        quotas.map(([{ name }, calendar], i) => [name, pastPeriods(calendar, pairs[i] ?? [], periods)]),
      )
    return answers.some(isThenable)
      ? Promise.all(answers).then(byPolicy)
      : byPolicy(answers as readonly (readonly number[])[])
  }

  grant(key: string, units: number, options: GrantOptions = {}): Grant | Promise<Grant> {
    const { change, id } = grantEdit(this.policies, key, units, options)
    return after(this.#failover.edit(change, this.#failure), (answer) => ({ id, added: wasDone(answer) }))
  }

  revoke(
    key: string,
    id: string,
    { policy }: { readonly policy?: string | undefined } = {},
  ): boolean | Promise<boolean> {
    return after(this.#failover.edit(revokeEdit(this.policies, key, id, policy), this.#failure), wasDone)
  }

  async override(key: string, to: OverrideTo, options: OverrideOptions = {}): Promise<void> {
    const override = checkOverride(key, to, options, this.#name)
    await this.#decider.overrides.set(this.#name, key, override, this.#failure.timeoutMs)
  }

  overrides(): Promise<readonly Override[]> {
    return this.#decider.overrides.list(this.#name, this.#failure.timeoutMs)
  }

  async ban(key: string, options: BanByHand = {}): Promise<void> {
    checkKey(key)
    const ms = checkBanByHand(options)
    const expiresAt = ms === undefined ? null : Date.now() + ms
    const ban = { to: 'banned', expiresAt, reason: 'by hand', times: 0 } as const
    await this.#decider.overrides.ban(this.#name, key, ban, 0, this.#failure.timeoutMs)
  }

  async unban(key: string): Promise<void> {
    checkKey(key)
    await this.#decider.overrides.ban(this.#name, key, undefined, 0, this.#failure.timeoutMs)
  }

  bans(): Promise<readonly Ban[]> {
    return this.#decider.overrides.bans(this.#name, this.#failure.timeoutMs)
  }

  on<Name extends keyof Events<undefined>>(name: Name, listener: Listener<Events<undefined>[Name]>): () => void {
    return listen(this.#events, this.#failover, name, listener)
  }

  banned(ban: Parameters<OnBanned>[0]): void {
    emitBan(this.#events, this.#decider.observers, { limit: this.#name, ...ban })
  }

  charged(decision: Decision): void {
    reportWarnings(this.#name, decision, undefined, this.#events, this.#decider.observers)
  }

  lost(decision: Decision, { policy, key }: Ask): void {
    this.#events.emit('lost', { limit: this.#name, decision, policy, key, request: undefined })
  }

  close(): void | Promise<void> {
    return this.#decider.close()
  }

  #asks(keys: Keys, options: Cost | undefined): readonly Ask[] {
    const costs = options === undefined ? 1 : checkedCost(options)
    const only = this.policies.length === 1 ? this.policies[0] : undefined
    if (only !== undefined && typeof keys === 'string' && typeof costs === 'number') {
      return [newAsk(only, checkNotEmpty(keys), checkCost(costs, ''))]
    }
    checkNames(keys, this.policies, 'key')
    checkNames(costs, this.policies, 'cost')
    return this.policies.map((policy) => newAsk(policy, keyOf(keys, policy), costOf(costs, policy, 1)))
  }
}

/** Other limiters take the number of units as it is: one that is written so must not be taken for none. */
function checkedCost(options: Cost): Costs {
  checkOptions('consume() and peek()', options, ['cost'])
  const { cost = 1 } = options
  return cost
}

/** An id and what it counted are kept in one place. */
export function checkOneKey(asks: readonly Ask[]): readonly Ask[] {
  if (haveSlots(asks)) {
    throw new ConfigError(
      'An id counts once, so what is repeated holds no slot: slots need a limit of their own, without ids.',
    )
  }
  if (asks.every(({ key }) => key === asks[0]?.key)) return asks
  throw new KeyError('A take with an id needs one key for all policies; these are several.')
}

/** @throws {ConfigError} unless it is between a second and a year. */
export function checkKeepIds(ms: number | undefined): number {
  return checkWhole('keepIdsMs', ms ?? 86_400_000, 1_000, 365 * 86_400_000)
}

function after<T, R>(answer: T | Promise<T>, map: (value: T) => R): R | Promise<R> {
  return isThenable(answer) ? answer.then(map) : map(answer)
}

/**
 * A decision needs a bucket for each of its policies at the same time.
 * @throws {ConfigError} where the store cannot hold so many.
 */
export function checkRoom(policies: readonly Policy[], store: Store): void {
  if (store.maxKeys === undefined || store.maxKeys >= policies.length) return
  throw new ConfigError(
    `maxKeys: a store of ${store.maxKeys} buckets cannot hold a limit of ${policies.length} policies, which needs one bucket for each.`,
  )
}
