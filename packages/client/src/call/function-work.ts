import type { Costs } from '@sluice/core'
import { PLAIN_SUCCESS, type Verdict, verdictOfResult } from './verdict.js'
import type { Work } from './work.js'

/** What a function is given in each attempt. */
export interface AttemptContext {
  /** Aborted when the call is, when its deadline is over, or this attempt takes too long. */
  readonly signal: AbortSignal
  /** The number of the attempt, from 1. */
  readonly attempt: number
}

/** How one function is called. */
export interface ExecuteOptions {
  /** Whose limits, gate and breaker hold. Defaults to `'default'`. */
  readonly key?: string | undefined
  readonly signal?: AbortSignal | undefined
  /** Units that an attempt takes from `limits`, for all of them or by name. Defaults to 1. */
  readonly cost?: Costs | undefined
  /** The higher, the earlier it gets a place under `concurrency`. Defaults to 0. */
  readonly priority?: number | undefined
  /**
   * Whether it may run twice. Defaults to `true`; otherwise it is only retried where it was refused before it did anything: 429,
   * 503 with `Retry-After`, no connection.
   */
  readonly idempotent?: boolean | undefined
}

/** A function as the work of a call. */
export class FunctionWork<T> implements Work<T> {
  readonly key: string
  readonly route = undefined
  readonly signal: AbortSignal | undefined
  readonly cost: Costs | undefined
  readonly priority: number
  readonly isIdempotent: boolean
  readonly isRepeatable = true
  readonly wantsSignal = true
  readonly #fn: (context: AttemptContext) => T | PromiseLike<T>
  readonly #statuses: ReadonlySet<number>

  constructor(
    fn: (context: AttemptContext) => T | PromiseLike<T>,
    { key = 'default', signal, cost, priority = 0, idempotent = true }: ExecuteOptions,
    statuses: ReadonlySet<number>,
  ) {
    this.#fn = fn
    this.key = key
    this.signal = signal
    this.cost = cost
    this.priority = priority
    this.isIdempotent = idempotent
    this.#statuses = statuses
  }

  start(stop: AbortSignal | undefined, attempt: number): T | PromiseLike<T> {
    return this.#fn({ signal: stop ?? new AbortController().signal, attempt })
  }

  judge(result: T): Verdict {
    return typeof result === 'object' && result !== null ? verdictOfResult(result, this.#statuses) : PLAIN_SUCCESS
  }

  judgeBody(): undefined {
    return undefined
  }

  discard(): void {}

  held(result: T, release: () => void): T {
    release()
    return result
  }

  failed(result: T): T {
    return result
  }

  refused(): undefined {
    return undefined
  }
}
