import { ConfigError, CostError, type PolicyLike } from '@sluice/core'
import { checkFlag, checkOptions, isThenable, type Listener, shown } from '@sluice/core/runtime'
import { Call } from './call/call.js'
import { defused } from './call/defuse.js'
import { type AttemptContext, type ExecuteOptions, FunctionWork } from './call/function-work.js'
import { hedged } from './call/hedged.js'
import type { Work } from './call/work.js'
import { type ClientEvents, Events } from './events.js'
import { CLIENT_OPTIONS, type ClientOptions } from './options.js'
import { checkClientOptions, type Settings, toSettings } from './settings.js'
import { type TargetState, Targets } from './target.js'

/** Calls anything that has limits, through the layers of its options. */
export interface Client {
  /**
   * Calls a function, once or several times, through all layers: anything that resolves, returns a response or throws one (`status`
   * and `headers`, or `response`, as the errors of got, axios and SDKs have).
   * @example const rows = await client.execute(({ signal }) => db.query(sql, { signal }), { key: 'db' })
   * @throws what the function throws in its last attempt, the signal's reason once that is aborted, and a `RetryAfterError`,
   * `BreakerOpenError`, `ThrottledError`, `QueueFullError` or `DeadlineError` where it was not called, or took too long.
   */
  execute<T>(fn: (context: AttemptContext) => T | PromiseLike<T>, options?: ExecuteOptions): Promise<T>
  /** Listens to what happens to calls. Returns a function that stops listening. */
  on<Name extends keyof ClientEvents>(name: Name, listener: Listener<ClientEvents[Name]>): () => void
  /** What is known of each key at the moment: limits, gate, breaker, queues. The one called last stands last. */
  state(): readonly TargetState[]
  /** Closes the store of `limits`, where it was given as a URL. */
  close(): Promise<void>
}

/**
 * Calls functions with retries, breakers, pacing and limits.
 * @example
 * const client = createClient({ limits: '60/min', concurrency: 4 })
 * const user = await client.execute(({ signal }) => got(url, { signal, retry: { limit: 0 } }).json(), { key: 'api' })
 * @throws {ConfigError} on an option that cannot be right.
 */
export function createClient<const T extends string, const L extends readonly PolicyLike[]>(
  options: ClientOptions<T, L> = {},
): Client {
  checkClientOptions('createClient()', options, CLIENT_OPTIONS)
  return new LayeredClient(toSettings(options as ClientOptions))
}

const EXECUTE_OPTIONS = ['key', 'signal', 'cost', 'priority', 'idempotent']

/** What `createClient`, `createFetch` and `dispatcher` have in common. */
export class LayeredClient implements Client {
  readonly settings: Settings
  readonly #events = new Events()
  readonly #targets: Targets

  constructor(settings: Settings) {
    this.settings = settings
    this.#targets = new Targets(settings, this.#events)
  }

  async execute<T>(fn: (context: AttemptContext) => T | PromiseLike<T>, options: ExecuteOptions = {}): Promise<T> {
    if (typeof fn !== 'function') throw new ConfigError(`execute(): expected a function, got ${shown(fn)}.`)
    checkOptions('execute()', options, EXECUTE_OPTIONS)
    checkFlag('idempotent', options.idempotent)
    return this.run(new FunctionWork(fn, options, this.settings.statuses))
  }

  run<T>(work: Work<T>): Promise<T> {
    const { hedgeAfterMs, limiter } = this.settings
    checkWork(work, limiter !== undefined)
    const target = this.#targets.of(work.key)
    const begin = (isHedge: boolean): Call<T> => new Call(work, target, this.settings, this.#events, isHedge)
    if (hedgeAfterMs === undefined || !work.isIdempotent || !work.isRepeatable) return begin(false).run()
    return hedged(begin, hedgeAfterMs, () => target.budget?.takeRetry() !== false, work)
  }

  on<Name extends keyof ClientEvents>(name: Name, listener: Listener<ClientEvents[Name]>): () => void {
    return this.#events.on(name, listener)
  }

  state(): readonly TargetState[] {
    return this.#targets.states()
  }

  async close(): Promise<void> {
    await this.settings.limiter?.close()
  }
}

/** What options' functions returned, or a caller gave. */
function checkWork({ key, signal, priority, cost }: Work<unknown>, isLimited: boolean): void {
  if (typeof defused(key) !== 'string') throw new ConfigError(`key: expected a string, got ${shown(key)}.`)
  if (typeof defused(priority) !== 'number' || Number.isNaN(priority)) {
    throw new ConfigError(`priority: expected a number, got ${shown(priority)}.`)
  }
  if (isThenable(defused(cost))) throw new CostError('cost: expected a number or numbers by name, got a promise.')
  if (cost !== undefined && !isLimited) throw new ConfigError('cost: is for `limits`, which are not given.')
  if (signal !== undefined && typeof signal?.addEventListener !== 'function') {
    throw new ConfigError(`signal: expected an AbortSignal, got ${shown(signal)}.`)
  }
}
