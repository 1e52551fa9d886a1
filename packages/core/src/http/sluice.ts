import { ConfigError } from '../errors.js'
import { failoverOf } from '../failover/failover.js'
import { type Events, limitEvents, listen } from '../limiter/events.js'
import { enforces } from '../observe/enforced-limit.js'
import { type Observable, type ObservedLimit, observable } from '../observe/observable.js'
import { ObservedDecisions } from '../observe/observed-decisions.js'
import { adaptiveConcurrency } from '../policies/adaptive-concurrency.js'
import type { CheckedText } from '../policies/bind-policies.js'
import { concurrency } from '../policies/concurrency.js'
import { fixedWindow, leakyBucket, slidingLog, slidingWindow, tokenBucket } from '../policies/constructors.js'
import type { Policy } from '../policies/policy.js'
import type { RateText } from '../policies/rate-text.js'
import type { Listener } from '../runtime/emitter.js'
import type { Store } from '../stores/store.js'
import type { ConfiguredLimit } from './configuration.js'
import { noteCreation } from './creation.js'
import { ExemptPaths } from './exempt-paths.js'
import type { Guard } from './guard.js'
import type { LimitControls } from './limit-controls.js'
import { LimitNames } from './limit-names.js'
import {
  checkConfiguration,
  checkSluiceOptions,
  type LimitOptions,
  type LimitPolicies,
  type LimitPolicy,
  type LimitPolicyLike,
  type PolicyFunction,
  type SluiceOptions,
} from './limit-options.js'
import { type MadeLimit, makeLimit } from './make-limit.js'
import type { Measured } from './measured.js'
import { NamedLimits } from './named-limits.js'
import { namer } from './naming.js'
import type { RequestReader } from './passage.js'
import type { Plans } from './plans.js'
import { RequestChecks } from './request-checks.js'
import { type UsageOptions, UsagePage } from './usage-page.js'

/** Several policies of a limit, whose texts are checked in the editor. */
type LimitList<L extends readonly unknown[]> = { readonly [I in keyof L]: CheckedText<L[I]> }

/** What a middleware asks of its limit. */
export type Admits<Req extends object> = Pick<Guard<Req>, 'admit'>

/** What every adapter's `sluice()` returns: `limit`, which makes a `Middleware` of policies. */
export interface Limit<Req, Middleware, Handler = unknown> {
  /**
   * Limits a route: by policies, by `plans`, or by a function that returns them for each request. A malformed text from a function
   * is an error at that request, so return policies that were made at start-up.
   * @example app.get('/search', limit(['10/s', '1000/day']))
   * @throws {ConfigError} on anything that cannot be right.
   */
  <const T extends string, const L extends readonly LimitPolicyLike<Req>[]>(
    policies: RateText<T> | Policy | LimitPolicy<Req> | LimitList<L> | PolicyFunction<Req> | Plans<Req> | Measured<Req>,
    options?: LimitOptions<Req>,
  ): Middleware & LimitControls<Req>
  /**
   * The limit of this name in the configuration that `sluice()` was given; `own` has what a file cannot say, such as functions.
   * @example app.post('/login', limit.named('login'))
   * @throws {ConfigError} where it has no such limit.
   */
  named(name: string, own?: ConfiguredLimit<Req>): Middleware & LimitControls<Req>
  /**
   * A handler that answers with the caller's state under every limit that has a name, as JSON. It takes nothing.
   * @example app.get('/rate_limit', limit.usage())
   */
  usage(options?: UsageOptions<Req>): Handler
  /** Listens to the decisions of all limits made here, and to the health of their store. Returns a function that stops listening. */
  on<Name extends keyof Events<Req>>(name: Name, listener: Listener<Events<Req>[Name]>): () => void
  /** Where the buckets live. */
  readonly store: Store
  /** Closes the store. */
  close(): void | Promise<void>
}

/**
 * `limit` for one framework: what reads its requests, and what makes its middleware of a guard, and a handler of a page.
 * @throws {ConfigError} on an option that cannot be right.
 */
export function createLimit<Req extends object, Middleware extends object, Handler>(
  reader: RequestReader<Req>,
  options: SluiceOptions<Req>,
  toMiddleware: (guard: Admits<Req>) => Middleware,
  toHandler: (page: UsagePage<Req>) => Handler,
): Limit<Req, Middleware, Handler> {
  const { store, defaults, share, ledger, configuration } = checkSluiceOptions(options)
  const failover = failoverOf(store)
  noteCreation('sluice()', createLimit)
  const events = limitEvents<Req>()
  const observers = new ObservedDecisions((error) => events.emit('error', { error }))
  const naming = namer(store)
  const names = new LimitNames()
  const exempt = new ExemptPaths()
  const workshop = { reader, failover, events, observers, exempt, checks: new RequestChecks(reader), share, ledger }
  const named: MadeLimit<Req>[] = []
  const unnamed: MadeLimit<Req>[] = []
  const configured = new NamedLimits(workshop, names, configuration, defaults)
  configured.watch(checkConfiguration)

  const limit = (policies: LimitPolicies<Req>, own: LimitOptions<Req> = {}): Middleware & LimitControls<Req> => {
    if (isConstructor(policies))
      throw new ConfigError(
        `limit() takes policies, as in limit(${policies.name}(${EXAMPLES[policies.name] ?? "'10/s'"})).`,
      )
    if (isRequest(policies))
      throw new ConfigError("limit is no middleware itself: it makes one, as in limit('100/min').")
    const isNamed = own?.name !== undefined
    if (!isNamed) noteCreation('limit() without a name', limit)
    const name = own.name ?? naming.next(defaults.name ?? 'default')
    const made = makeLimit(workshop, names, name, isNamed, policies, own, defaults)
    if (isNamed) named.push(made)
    // Whoever makes limits in a handler makes any number of them.
    else if (unnamed.length < MOST_UNNAMED) unnamed.push(made)
    return enforces(Object.assign(toMiddleware(made.guard), made.controls), () => made.guard.enforced)
  }

  const fromConfiguration = (name: string, own: ConfiguredLimit<Req> = {}): Middleware & LimitControls<Req> => {
    const use = configured.use(name, own)
    const middleware = toMiddleware({ admit: (...asked) => use.current.guard.admit(...asked) })
    return enforces(Object.assign(middleware, currentControls(use)), () => use.current.guard.enforced)
  }
  const usage = (page: UsageOptions<Req> = {}): Handler =>
    toHandler(new UsagePage(() => [...named, ...configured.current], page))
  const on: Limit<Req, Middleware>['on'] = (name, listener) => listen(events, failover, name, listener)
  const close = (): void | Promise<void> => {
    naming.forget()
    configured.stop()
    return ledger === undefined ? failover.close() : ledger.release().then(() => failover.close())
  }
  const limits = (): readonly ObservedLimit[] =>
    [...named, ...unnamed, ...configured.current].map(({ name, limiter }) => ({
      name,
      policies: limiter.policies,
      controls: limiter,
    }))
  const routeOf = (request: unknown): string | undefined => reader.route?.(request as Req)
  observable(limit, {
    failover,
    decisions: observers,
    on: on as Observable['on'],
    limits,
    routeOf,
    exempt: (path, isExempt) => exempt.add(path, isExempt),
  })
  return Object.assign(limit, { named: fromConfiguration, usage, on, store, close })
}

/** Limits without a name that are shown to observers. */
const MOST_UNNAMED = 100

/** The controls of whatever limit is current. */
function currentControls<Req extends object>(use: { readonly current: MadeLimit<Req> }): LimitControls<Req> {
  return {
    peek: (...asked) => use.current.controls.peek(...asked),
    reset: (...asked) => use.current.controls.reset(...asked),
    history: (...asked) => use.current.controls.history(...asked),
    grant: (...asked) => use.current.controls.grant(...asked),
    revoke: (...asked) => use.current.controls.revoke(...asked),
    override: (...asked) => use.current.controls.override(...asked),
    overrides: () => use.current.controls.overrides(),
    ban: (...asked) => use.current.controls.ban(...asked),
    unban: (...asked) => use.current.controls.unban(...asked),
    bans: () => use.current.controls.bans(),
    keyOf: (request) => use.current.controls.keyOf(request),
  }
}

/** A constructor that was not called would pass for a function that returns policies. */
function isConstructor(policies: unknown): policies is { readonly name: string } {
  return CONSTRUCTORS.includes(policies)
}

/** What those take that take no text. */
const EXAMPLES: Readonly<Record<string, string>> = { concurrency: '10', adaptiveConcurrency: '{ max: 100 }' }

const CONSTRUCTORS: readonly unknown[] = [
  adaptiveConcurrency,
  concurrency,
  fixedWindow,
  slidingWindow,
  slidingLog,
  tokenBucket,
  leakyBucket,
]

/** What a framework would call `limit` with, where it was given in place of `limit('100/min')`. */
function isRequest(policies: unknown): boolean {
  return typeof policies === 'object' && policies !== null && ('headers' in policies || 'routing' in policies)
}
