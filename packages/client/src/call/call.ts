import { LONGEST_TIMER_MS } from '@sluice/core/runtime'
import { type Attempt, DeadlineError, QuotaExceededError, RetryAfterError } from '../errors.js'
import type { Events } from '../events.js'
import { announcedMs, backoffMs } from '../layers/backoff.js'
import type { RemoteLimit } from '../parse/remote-limit.js'
import type { RetryTerms, Settings } from '../settings.js'
import type { Target } from '../target.js'
import { errorIn, type Finished } from './finished.js'
import { Sending } from './sending.js'
import { Stop } from './stop.js'
import { hintOf, type Verdict } from './verdict.js'
import { noteAttempts, type Work } from './work.js'

/** One call: its attempts, the waits between them, and what becomes of it in the end. */
export class Call<T> {
  readonly #work: Work<T>
  readonly #target: Target
  readonly #settings: Settings
  readonly #events: Events
  readonly #stop: Stop
  readonly #deadlineAt: number
  readonly #sending: Sending<T>
  /** Attempts in all. */
  readonly #most: number
  #attempts: Attempt[] | undefined
  #waitedMs = 0
  #isReported = false

  /** @param isHedge whether it is a second call beside another one, which has the other attempts. */
  constructor(work: Work<T>, target: Target, settings: Settings, events: Events, isHedge: boolean) {
    this.#work = work
    this.#target = target
    this.#settings = settings
    this.#events = events
    const { deadlineMs, retry } = settings
    this.#most = isHedge ? 1 : (retry?.attempts ?? 1)
    this.#deadlineAt = deadlineMs === undefined ? Number.POSITIVE_INFINITY : Date.now() + deadlineMs
    this.#stop = new Stop(work.signal, deadlineMs, () => new DeadlineError(work.key, deadlineMs ?? 0))
    this.#sending = new Sending(work, target, settings, events, this.#stop, this.#deadlineAt, isHedge)
  }

  /** Whether it has resolved with a failure. */
  get hasFailed(): boolean {
    return this.#isReported
  }

  /** Ends it without a report: nobody wants its result any more. */
  cancel(reason: unknown): void {
    this.#isReported = true
    this.#stop.abort(reason)
  }

  async run(): Promise<T> {
    const target = this.#target
    target.calls += 1
    let finished: Finished<T> | undefined
    try {
      for (let attempt = 1; ; attempt++) {
        finished = await this.#sending.attempt(attempt)
        const waitMs = finished.verdict.isRetryable ? this.#retryIn(finished, attempt) : undefined
        if (waitMs === undefined) return this.#last(finished)
        this.#sending.drop(finished)
        finished = undefined
        await this.#stop.sleep(waitMs)
      }
    } catch (error) {
      if (this.#isReported) throw error
      if (finished !== undefined) this.#sending.drop(finished)
      return this.#refused(error)
    } finally {
      target.calls -= 1
      this.#stop.end()
    }
  }

  /**
   * Milliseconds until the next attempt; `undefined` where this was the last.
   * @throws {RetryAfterError} {QuotaExceededError} where it is too long to wait.
   */
  #retryIn(finished: Finished<T>, attempt: number): number | undefined {
    const { retry, maxWaitMs, giveUp } = this.#settings
    const { verdict } = finished
    if (retry === undefined) return undefined
    const mayThrow = giveUp === 'throw' && !finished.isThrown
    if (verdict.quota !== undefined) {
      if (mayThrow) this.#throwQuota(finished, verdict.quota)
      return undefined
    }
    const { isIdempotent, isRepeatable } = this.#work
    if (attempt >= this.#most || !isRepeatable || !(isIdempotent || verdict.isUnprocessed)) return undefined
    const now = Date.now()
    const { retryAt, limit } = hintOf(verdict)
    const hintMs = retryAt === null ? 0 : retryAt - now
    if (retryAt !== null && (hintMs > maxWaitMs || retryAt > this.#deadlineAt)) {
      if (mayThrow) this.#throwRetryAfter(finished, retryAt, limit)
      return undefined
    }
    const waitMs = this.#waitMs(retry, hintMs, attempt, now)
    if (waitMs === undefined || !this.#mayRetry(now + waitMs)) return undefined
    this.#note(finished, waitMs)
    this.#waitedMs = waitMs
    if (this.#events.isHeard) {
      const { key } = this.#work
      this.#events.emit('retry', { key, attempt, waitMs, status: verdict.status, error: errorIn(finished) })
    }
    return waitMs
  }

  /** `undefined` where the computed wait is longer than the call may wait. What is announced fits in, and so does what it is spread by. */
  #waitMs(retry: RetryTerms, hintMs: number, attempt: number, now: number): number | undefined {
    const leftMs = Math.min(this.#deadlineAt - now, LONGEST_TIMER_MS)
    if (hintMs > 0) return announcedMs(hintMs, leftMs)
    const waitMs = Math.round(backoffMs(retry, attempt, this.#waitedMs))
    return waitMs > this.#settings.maxWaitMs || waitMs > leftMs ? undefined : waitMs
  }

  /** Not where it is known that the attempt would be kept back, and only within the budget. */
  #mayRetry(at: number): boolean {
    const { breaker, budget } = this.#target
    if (breaker !== undefined && breaker.openUntil > at) return false
    return !this.#sending.isThrottled() && budget?.takeRetry() !== false
  }

  #throwQuota(finished: Finished<T>, reason: string): never {
    this.#note(finished, 0)
    const { retryAt } = hintOf(finished.verdict)
    throw new QuotaExceededError(this.#work.key, retryAt ?? undefined, resultIn(finished), reason)
  }

  #throwRetryAfter(finished: Finished<T>, retryAt: number, limit: RemoteLimit | undefined): never {
    this.#note(finished, 0)
    throw new RetryAfterError({ key: this.#work.key, retryAt, limit, response: resultIn(finished) })
  }

  #last(finished: Finished<T>): T {
    const { verdict } = finished
    const isFailed = finished.isThrown || verdict.isRetryable
    if (this.#attempts !== undefined || isFailed) this.#note(finished, 0)
    if (isFailed) this.#reportFailure(verdict.status, errorIn(finished))
    if (finished.isThrown) return this.#answerTo(finished.error)
    const result = isFailed && this.#isFinal(verdict) ? this.#work.failed(finished.result) : finished.result
    if (this.#attempts !== undefined) noteAttempts(result, this.#attempts)
    return result
  }

  /** Whether nobody above should try again either. What is only not safe to repeat may be for those who know more of it. */
  #isFinal({ isUnprocessed }: Verdict): boolean {
    return this.#settings.retry !== undefined && (this.#work.isIdempotent || isUnprocessed)
  }

  /** A call that was ended, or was not sent. */
  #refused(thrown: unknown): T {
    const { signal } = this.#work
    if (this.#sending.isUnderWay) this.#push(undefined, thrown, 0)
    // Whoever leaves has not failed.
    if (signal?.aborted === true && this.#stop.aborted) noteAttempts(thrown, this.#attempts ?? [])
    else this.#reportFailure(this.#attempts?.at(-1)?.status, thrown)
    return this.#answerTo(thrown)
  }

  /** @throws what was thrown, unless a response is asked for instead. */
  #answerTo(thrown: unknown): T {
    const isLeft = this.#work.signal?.aborted === true
    const answer = this.#settings.giveUp === 'return' && !isLeft ? this.#work.refused(thrown) : undefined
    if (answer === undefined) throw thrown
    if (this.#attempts !== undefined) noteAttempts(answer, this.#attempts)
    return answer
  }

  #reportFailure(status: number | undefined, error: unknown): void {
    this.#isReported = true
    const attempts = this.#attempts ?? []
    noteAttempts(error, attempts)
    if (this.#events.isHeard) this.#events.emit('giveUp', { key: this.#work.key, attempts, status, error })
  }

  #note(finished: Finished<T>, waitedMs: number): void {
    this.#push(finished.verdict.status, errorIn(finished), waitedMs)
  }

  #push(status: number | undefined, error: unknown, waitedMs: number): void {
    this.#attempts ??= []
    this.#attempts.push({ sentAt: this.#sending.sentAt, status, error, waitedMs })
    this.#sending.isUnderWay = false
  }
}

/** Of a call of `fetch`, the response. */
function resultIn(finished: Finished<unknown>): Response {
  return (finished.isThrown ? undefined : finished.result) as Response
}
