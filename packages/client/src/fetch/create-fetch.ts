import { ConfigError, type Costs, type PolicyLike } from '@sluice/core'
import { checkFlag } from '@sluice/core/runtime'
import { type Client, LayeredClient } from '../client.js'
import { CLIENT_OPTIONS, type ClientOptions } from '../options.js'
import { checkClientOptions, checkFunctions, toSettings } from '../settings.js'
import { Coalescing } from './coalescing.js'
import { FetchWork } from './fetch-work.js'
import { type FetchInit, type FetchInput, OutgoingRequest } from './outgoing-request.js'

export type { FetchInit, FetchInput }

/** What a request says of itself, as the functions of options see it. */
export interface RequestView {
  /** As it was given, and so perhaps relative in a browser. */
  readonly url: string
  /** In upper case. */
  readonly method: string
  readonly headers: Headers
  /** The origin that it goes to. */
  readonly origin: string
}

export interface FetchOptions<T extends string = string, L extends readonly PolicyLike[] = readonly PolicyLike[]>
  extends ClientOptions<T, L> {
  /** Whose limits, gate and breaker hold for a request. Defaults to its origin. */
  readonly key?: ((request: RequestView) => string) | undefined
  /** Units that an attempt takes from `limits`, for all of them or by name. Defaults to 1. */
  readonly cost?: ((request: RequestView) => Costs) | undefined
  /** The higher, the earlier it gets a place under `concurrency`. Defaults to 0. */
  readonly priority?: ((request: RequestView) => number) | undefined
  /**
   * Sends one request for identical GET requests at the same time; those that join share its deadline. Defaults to `false`.
   */
  readonly coalesce?: boolean | undefined
  /** What sends a request in the end. Defaults to the global `fetch`, as it is at each call. */
  readonly fetch?: typeof fetch | undefined
}

/** A `fetch`, for wherever one can be passed, that copes with limits. */
export interface SluiceFetch extends Client {
  (input: FetchInput, init?: FetchInit): Promise<Response>
}

/**
 * A `fetch` that reads what servers report about their limits, waits as long as they ask, retries what is safe, paces itself, and stops
 * calling what is down.
 * @example
 * const api = createFetch({ deadlineMs: 30_000, concurrency: 8 })
 * const response = await api('https://api.example.com/users')
 * @throws {ConfigError} on an option that cannot be right. Calls reject as `fetch` does, and with the errors of `Client.execute`, or a
 * {@link QuotaExceededError}.
 */
export function createFetch<const T extends string, const L extends readonly PolicyLike[]>(
  options: FetchOptions<T, L> = {},
): SluiceFetch {
  checkClientOptions('createFetch()', options, [...CLIENT_OPTIONS, 'key', 'cost', 'priority', 'coalesce', 'fetch'])
  const { key, cost, priority, fetch: given } = options
  checkFunctions({ key, cost, priority, fetch: given })
  const settings = toSettings(options as ClientOptions)
  if (cost !== undefined && settings.limiter === undefined) {
    throw new ConfigError('cost: is for `limits`, which are not given.')
  }
  const client = new LayeredClient(settings)
  const coalescing = checkFlag('coalesce', options.coalesce) ? new Coalescing() : undefined
  const send = given ?? ((input: FetchInput, init: FetchInit) => globalThis.fetch(input, init))
  const terms = { fetch: send, settings }

  const run = (request: OutgoingRequest, signal: AbortSignal | undefined): Promise<Response> => {
    // Also what throws at once is a rejection, as with fetch.
    try {
      const whose = key === undefined ? request.origin : key(request)
      return client.run(new FetchWork(request, whose, cost?.(request), priority?.(request) ?? 0, signal, terms))
    } catch (error) {
      return Promise.reject(error)
    }
  }
  const api = (input: FetchInput, init?: FetchInit): Promise<Response> => {
    const request = new OutgoingRequest(input, init)
    if (coalescing === undefined) return run(request, request.signal)
    return coalescing.fetch(request, (signal) => run(request, signal)) ?? run(request, request.signal)
  }
  return Object.assign(api, {
    execute: client.execute.bind(client),
    on: client.on.bind(client),
    state: client.state.bind(client),
    close: client.close.bind(client),
  } satisfies Client)
}
