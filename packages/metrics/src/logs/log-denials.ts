import type { Decision, Time } from '@sluice/core'
import { type Observable, observableOf } from '@sluice/core/observe'
import { checkOptions, checkTime, describe, isThenable, warn } from '@sluice/core/runtime'
import { reasonOf, resultOf } from '../counts/result.js'
import { type KeyOptions, keyShower } from '../shown-key.js'
import { type LogEntry, type Logger, writerFor } from './logger.js'
import { QuietKeys } from './quiet-keys.js'
import { requestIdOf, traceIdOf } from './request-ids.js'

export interface LogOptions extends KeyOptions {
  /** For so long after a line, a key has no other: the next says how many were held back. Defaults to `'1min'`. */
  readonly perKey?: Time | undefined
  /** Names a request's id. Defaults to the request's `id`, or its `X-Request-Id`. */
  readonly requestId?: ((request: unknown) => string | undefined) | undefined
  /** Names the trace that a request is part of. Defaults to that of its `traceparent`. */
  readonly traceId?: ((request: unknown) => string | undefined) | undefined
}

interface Denial {
  readonly limit: string
  readonly decision: Decision
  readonly route: string | undefined
  readonly requestId: string | undefined
  readonly traceId: string | undefined
}

/**
 * Writes one line for each denial, at most one for each key and minute and 600 a minute in all; and one each when a store fails and
 * recovers, a key is banned, a share of a quota is used, and a configuration is reloaded. Returns a function that stops it.
 * @example logDenials(limit, pino())
 * @throws {ConfigError} on what is no logger, or an option that cannot be right.
 */
export function logDenials(source: object, logger: Logger, options: LogOptions = {}): () => void {
  checkOptions('logDenials()', options, ['perKey', 'key', 'keySecret', 'requestId', 'traceId'])
  const observable = observableOf(source, 'logDenials()')
  return new DenialLog(observable, writerFor(logger), options).begin()
}

class DenialLog {
  readonly #observable: Observable
  readonly #writer: (entry: LogEntry) => unknown
  readonly #options: LogOptions
  readonly #shown: (key: string) => string
  readonly #denials: QuietKeys<Denial>
  #isBroken = false

  constructor(observable: Observable, writer: (entry: LogEntry) => unknown, options: LogOptions) {
    this.#observable = observable
    this.#writer = writer
    this.#options = options
    this.#shown = keyShower(options)
    this.#denials = new QuietKeys(
      checkTime('perKey', options.perKey ?? '1min', 1_000, 86_400_000),
      (denial, suppressed) => this.#writeDenial(denial, suppressed),
      (suppressed) =>
        this.#write({
          level: 'warn',
          message: `${suppressed} denials of other keys were not logged: there were too many.`,
          event: 'sluice.denied',
          suppressed,
        }),
    )
  }

  begin(): () => void {
    const { on, store } = this.#observable
    const stops = [
      on('denied', ({ limit, decision, request, route }) => {
        const { requestId = requestIdOf, traceId = traceIdOf } = this.#options
        const ids = { requestId: this.#idBy(requestId, request), traceId: this.#idBy(traceId, request) }
        this.#denials.add(`${limit}\0${decision.key}`, { limit, decision, route, ...ids })
      }),
      on('degraded', ({ error, part }) =>
        this.#write({
          level: 'error',
          message: error.message,
          event: 'sluice.degraded',
          store: store.url ?? 'memory',
          ...(part === '' ? {} : { part }),
        }),
      ),
      on('recovered', ({ part, afterMs }) =>
        this.#write({
          level: 'info',
          message: `The store decides again, after ${afterMs} ms.`,
          event: 'sluice.recovered',
          store: store.url ?? 'memory',
          ...(part === '' ? {} : { part }),
          afterMs,
        }),
      ),
      on('banned', ({ limit, key, until, times }) =>
        this.#write({
          level: 'warn',
          message: `A key of ${limit} is banned until ${new Date(until).toISOString()}.`,
          event: 'sluice.banned',
          limit,
          key: this.#shown(key),
          until: new Date(until).toISOString(),
          times,
        }),
      ),
      on('warning', ({ limit, policy, key, share, used }) =>
        this.#write({
          level: share >= 1 ? 'warn' : 'info',
          message: `A key has used ${Math.round(share * 100)}% of ${policy.name}.`,
          event: 'sluice.warning',
          limit,
          policy: policy.name,
          key: this.#shown(key),
          share,
          used,
          quota: policy.quota,
        }),
      ),
      on('reloaded', ({ limits }) =>
        this.#write({
          level: 'info',
          message: `The configuration was reloaded, with ${limits.length} limits.`,
          event: 'sluice.reloaded',
          limits,
        }),
      ),
    ]
    return () => {
      for (const stop of stops) stop()
      this.#denials.close()
    }
  }

  /** A line without an id is better than none. */
  #idBy(read: (request: unknown) => string | undefined, request: unknown): string | undefined {
    try {
      return read(request)
    } catch (error) {
      this.#failed(error)
      return undefined
    }
  }

  #writeDenial({ limit, decision, route, requestId, traceId }: Denial, suppressed: number): void {
    const { key, retryAfterMs, plan } = decision
    const { result, due } = resultOf(decision)
    const reason = result === 'banned' ? 'ban' : due && reasonOf(due.policy)
    this.#write({
      level: decision.allowed ? 'info' : 'warn',
      message: decision.allowed ? `${limit} would have denied a request (shadow).` : `${limit} denied a request.`,
      event: 'sluice.denied',
      limit,
      result,
      ...(due === undefined ? {} : { policy: due.policy.name, quota: due.policy.quota, used: due.used }),
      ...(reason === undefined ? {} : { reason }),
      key: this.#shown(key),
      ...(plan === undefined ? {} : { plan }),
      ...(route === undefined ? {} : { route }),
      // JSON has no infinity: what never passes has no time.
      retryAfterMs: Number.isFinite(retryAfterMs) ? retryAfterMs : null,
      ...(requestId === undefined ? {} : { requestId }),
      ...(traceId === undefined ? {} : { traceId }),
      ...(suppressed === 0 ? {} : { suppressed }),
    })
  }

  /** What a logger throws must harm nobody; the process is warned of it once. */
  #write(entry: LogEntry): void {
    try {
      const answer: unknown = this.#writer(entry)
      if (isThenable(answer)) Promise.resolve(answer).catch((error) => this.#failed(error))
    } catch (error) {
      this.#failed(error)
    }
  }

  #failed(error: unknown): void {
    if (this.#isBroken) return
    this.#isBroken = true
    warn('SLUICE_LOGGER', `The logger of logDenials(), or a function of its options, failed: ${describe(error)}`)
  }
}
