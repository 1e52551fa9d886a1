import type { Costs } from '@sluice/core'
import type { Attempt } from '../errors.js'
import type { Verdict } from './verdict.js'

/** What a call does in each attempt, and what its results mean. */
export interface Work<T> {
  /** Whose limits, gate and breaker hold. */
  readonly key: string
  /** What limits of the server may hold for alone; `undefined` where that is not known. */
  readonly route: string | undefined
  readonly signal: AbortSignal | undefined
  /** What an attempt takes from `limits`. */
  readonly cost: Costs | undefined
  /** The higher, the earlier it gets a place under `concurrency`. */
  readonly priority: number
  /** Whether it may be done twice. */
  readonly isIdempotent: boolean
  /** Whether it can be started again at all: a stream can be sent once. */
  readonly isRepeatable: boolean
  /** Whether it looks at its signal: then an attempt always has one. */
  readonly wantsSignal: boolean
  /** @param stop is aborted when the attempt or the call takes too long; where it looks at its signal, also with that. */
  start(stop: AbortSignal | undefined, attempt: number): T | PromiseLike<T>
  /** What a result means. */
  judge(result: T): Verdict
  /** What its body adds to that, where it has to be read first. */
  judgeBody(result: T, verdict: Verdict): Promise<Verdict> | undefined
  /** Nobody looks at this result. */
  discard(result: T): void
  /**
   * The result to hand out, which calls back once it has been used up.
   * @param abort ends what the attempt was started with, where that had a signal of its own.
   */
  held(result: T, release: () => void, abort: ((reason: unknown) => void) | undefined): T
  /** The result to hand out where it is a failure, and the last. */
  failed(result: T): T
  /** What stands for an error, where results are to; `undefined` where nothing can. */
  refused(error: unknown): T | undefined
}

const attemptsBy = new WeakMap<object, readonly Attempt[]>()

/**
 * The attempts that led to a response or an error: those that failed, and the last. `undefined` where the first attempt
 * succeeded.
 */
export function attemptsOf(result: unknown): readonly Attempt[] | undefined {
  return typeof result === 'object' && result !== null ? attemptsBy.get(result) : undefined
}

export function noteAttempts(result: unknown, attempts: readonly Attempt[]): void {
  if (typeof result === 'object' && result !== null) attemptsBy.set(result, attempts)
}
