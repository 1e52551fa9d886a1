import type { Costs, PolicyLike } from '@sluice/core'
import { type Verdict, verdictOfStatus } from '../call/verdict.js'
import type { Work } from '../call/work.js'
import { type Client, LayeredClient } from '../client.js'
import { CLIENT_OPTIONS, type ClientOptions } from '../options.js'
import { checkClientOptions, checkFunctions, type Settings, toSettings } from '../settings.js'

/** A request as undici dispatches it: the part that options' functions see. */
export interface DispatchedRequest {
  readonly origin?: string | URL | undefined
  readonly path: string
  readonly method: string
  readonly headers?: unknown
  readonly signal?: unknown
}

export interface DispatcherOptions<T extends string = string, L extends readonly PolicyLike[] = readonly PolicyLike[]>
  extends Omit<ClientOptions<T, L>, 'retry' | 'hedgeAfterMs' | 'giveUp'> {
  /** Whose limits, gate and breaker hold for a request. Defaults to its origin. */
  readonly key?: ((request: DispatchedRequest) => string) | undefined
  /** Units that a request takes from `limits`, for all of them or by name. Defaults to 1. */
  readonly cost?: ((request: DispatchedRequest) => Costs) | undefined
  /** The higher, the earlier it gets a place under `concurrency`. Defaults to 0. */
  readonly priority?: ((request: DispatchedRequest) => number) | undefined
}

/** What undici's `compose` takes, and what is known of the keys that went through it. */
export type DispatcherInterceptor = (<D extends AnyDispatch>(dispatch: D) => D) & Omit<Client, 'execute'>

/** undici's `dispatch`, whatever its types are called in its versions. */
type AnyDispatch = (options: never, handler: never) => boolean

const LEFT_OUT: readonly string[] = ['retry', 'hedgeAfterMs', 'giveUp']

/**
 * The layers that let a request go out, as an interceptor for undici 7: breaker, adaptive throttling, gate and pacing, concurrency
 * and limits. It retries nothing: that is for what stands above it, such as `createFetch({ gate: false, pacing: false })`.
 * @example
 * const agent = new Agent().compose(dispatcher({ limits: '10/s' }), interceptors.cache())
 * const response = await fetch(url, { dispatcher: agent })
 * @throws {ConfigError} on an option that cannot be right.
 */
export function dispatcher<const T extends string, const L extends readonly PolicyLike[]>(
  options: DispatcherOptions<T, L> = {},
): DispatcherInterceptor {
  const known = CLIENT_OPTIONS.filter((name) => !LEFT_OUT.includes(name))
  checkClientOptions('dispatcher()', options, [...known, 'key', 'cost', 'priority'])
  const { key, cost, priority } = options
  checkFunctions({ key, cost, priority })
  const client = new LayeredClient({ ...toSettings(options as ClientOptions), retry: undefined })
  const interceptor =
    (dispatch: Dispatch): Dispatch =>
    (request, handler) => {
      const controller = new LateController()
      const context = {}
      try {
        // Whoever cancels a request that still waits has to be heard: of fetch, this is the only way.
        handler.onRequestStart?.(controller, context)
      } catch (error) {
        handler.onResponseError?.(controller, error)
        return true
      }
      const begin = async (): Promise<void> => {
        const work = new DispatchWork(dispatch, request, handler, controller, context, client.settings, {
          key: key === undefined ? String(request.origin) : key(request),
          cost: cost?.(request),
          priority: priority?.(request) ?? 0,
        })
        try {
          await client.run(work)
        } catch (error) {
          if (!work.isAnswered) throw error
        }
      }
      begin().catch((error) => {
        controller.end(error)
        handler.onResponseError?.(controller, error)
      })
      return true
    }
  return Object.assign(interceptor as unknown as <D extends AnyDispatch>(dispatch: D) => D, {
    on: client.on.bind(client),
    state: client.state.bind(client),
    close: client.close.bind(client),
  } satisfies Omit<Client, 'execute'>)
}

type Dispatch = (request: DispatchedRequest, handler: Handler) => boolean

/** The part of undici's handler that is looked at; all calls are passed on. */
interface Handler {
  onRequestStart?(controller: Controller, context: unknown): void
  onRequestUpgrade?(controller: Controller, status: number, headers: RawHeaders, socket: unknown): void
  onResponseStart?(controller: Controller, status: number, headers: RawHeaders, message?: string): void
  onResponseData?(controller: Controller, chunk: unknown): void
  onResponseEnd?(controller: Controller, trailers: unknown): void
  onResponseError?(controller: Controller | undefined, error: unknown): void
}

interface Controller {
  abort(reason: unknown): void
  pause?(): void
  resume?(): void
}

/** Stands for undici's controller until the request is dispatched. What others do to it, or put in its place, changes nothing here. */
class LateController implements Controller {
  readonly #abort = new AbortController()
  #controller: (Controller & { readonly rawHeaders?: unknown; readonly rawTrailers?: unknown }) | undefined
  #isPaused = false

  /** Aborted when the request is. */
  get signal(): AbortSignal {
    return this.#abort.signal
  }

  get aborted(): boolean {
    return this.#abort.signal.aborted
  }

  get reason(): unknown {
    return this.aborted ? this.#abort.signal.reason : null
  }

  get paused(): boolean {
    return this.#isPaused
  }

  get rawHeaders(): unknown {
    return this.#controller?.rawHeaders
  }

  get rawTrailers(): unknown {
    return this.#controller?.rawTrailers
  }

  /** Passes on what it is told, from now on. */
  follow(controller: Controller): void {
    this.#controller = controller
    if (this.aborted) controller.abort(this.reason)
    else if (this.#isPaused) controller.pause?.()
  }

  /** Ends the request, also where `abort` means something else by now. */
  end(reason: unknown): void {
    if (this.aborted) return
    this.#abort.abort(reason)
    this.#controller?.abort(reason)
  }

  abort(reason: unknown): void {
    this.end(reason)
  }

  pause(): void {
    this.#isPaused = true
    this.#controller?.pause?.()
  }

  resume(): void {
    this.#isPaused = false
    this.#controller?.resume?.()
  }
}

type RawHeaders = Readonly<Record<string, string | string[] | undefined>>

interface Head {
  readonly status: number
  readonly headers: RawHeaders
}

/** A dispatched request as the work of a call: it is answered when its head has arrived, and done with when its body has ended. */
class DispatchWork implements Work<Head> {
  readonly key: string
  readonly route: string
  readonly cost: Costs | undefined
  readonly priority: number
  readonly signal: AbortSignal | undefined
  readonly isIdempotent = false
  readonly isRepeatable = false
  readonly wantsSignal = false
  /** Whether the handler has learned how it ended. */
  isAnswered = false
  readonly #dispatch: Dispatch
  readonly #request: DispatchedRequest
  readonly #handler: Handler
  readonly #controller: LateController
  readonly #context: object
  readonly #settings: Settings
  #ended = false
  #release: (() => void) | undefined

  constructor(
    dispatch: Dispatch,
    request: DispatchedRequest,
    handler: Handler,
    controller: LateController,
    context: object,
    settings: Settings,
    { key, cost, priority }: { readonly key: string; readonly cost: Costs | undefined; readonly priority: number },
  ) {
    this.#dispatch = dispatch
    this.#request = request
    this.#handler = handler
    this.#controller = controller
    this.#context = context
    this.#settings = settings
    this.key = key
    this.route = `${request.method} ${request.path.split('?')[0]}`
    this.cost = cost
    this.priority = priority
    this.signal = controller.signal
  }

  start(stop: AbortSignal | undefined): Promise<Head> {
    return new Promise((resolve, reject) => {
      const handler = this.#handler
      const late = this.#controller
      const end = (): void => {
        this.#ended = true
        this.#release?.()
      }
      stop?.addEventListener('abort', () => late.end(stop.reason), { once: true })
      if (stop?.aborted === true) late.end(stop.reason)
      // What was refused before it was answered is not told of it again.
      const isOver = (): boolean => late.aborted && !this.isAnswered
      this.#dispatch(this.#request, {
        onRequestStart: (controller, context) => {
          if (typeof context === 'object') Object.assign(this.#context, context)
          late.follow(controller)
        },
        onRequestUpgrade: (controller, status, headers, socket) => {
          if (isOver()) return
          this.isAnswered = true
          resolve({ status, headers })
          end()
          handler.onRequestUpgrade?.(controller, status, headers, socket)
        },
        onResponseStart: (controller, status, headers, message) => {
          if (isOver()) return
          if (status >= 200) {
            this.isAnswered = true
            resolve({ status, headers })
          }
          handler.onResponseStart?.(controller, status, headers, message)
        },
        onResponseData: (controller, chunk) => handler.onResponseData?.(controller, chunk),
        onResponseEnd(controller, trailers) {
          end()
          handler.onResponseEnd?.(controller, trailers)
        },
        onResponseError: (controller, error) => {
          reject(error)
          end()
          if (isOver()) return
          this.isAnswered = true
          handler.onResponseError?.(controller, error)
        },
      })
    })
  }

  judge({ status, headers }: Head): Verdict {
    return verdictOfStatus(status, headers, this.#settings.statuses)
  }

  judgeBody(): undefined {
    return undefined
  }

  discard(): void {}

  held(head: Head, release: () => void): Head {
    this.#release = release
    if (this.#ended) release()
    return head
  }

  failed(head: Head): Head {
    return head
  }

  refused(): undefined {
    return undefined
  }
}
