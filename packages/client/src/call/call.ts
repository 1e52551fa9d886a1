import { type Decision, WaitError } from '@sluice/core'
import {
  type Attempt,
  AttemptTimeoutError,
  DeadlineError,
  QueueFullError,
  QuotaExceededError,
  RetryAfterError,
  ThrottledError,
} from '../errors.js'
import type { Events } from '../events.js'
import { announcedMs, backoffMs } from '../layers/backoff.js'
import type { Pacer, Sent } from '../layers/pacer.js'
import type { RetryTerms, Settings } from '../options.js'
import type { RemoteLimit } from '../parse/remote-limit.js'
import type { Target } from '../target.js'
import { errorIn, type Finished } from './finished.js'
import { Held } from './held.js'
import { Stop } from './stop.js'
import { hintOf, refusalIn, type Verdict, verdictOfError } from './verdict.js'
import { noteAttempts, type Work } from './work.js'

/** setTimeout takes no more. */
const LONGEST_TIMER_MS = 2 ** 31 - 1

let calls = 0

/** One call, with all its attempts, each through all layers. */
export class Call<T> {
  readonly #work: Work<T>
  readonly #target: Target
  readonly #settings: Settings
  readonly #events: Events
  readonly #stop: Stop
  /** Whoever called first waits in front, also with a second attempt. */
  readonly #arrival: number
  readonly #deadlineAt: number
  readonly #isHedge: boolean
  /** Attempts in all. */
  readonly #most: number
  #attempts: Attempt[] | undefined
  #sentAt: number | undefined
  #waitedMs = 0
  #isReported = false
  /** Whether an attempt was sent that nothing is noted of yet. */
  #isUnderWay = false
  #held: Held | undefined
  /** Ends the latest attempt, where it has a signal of its own. */
  #abort: ((reason: unknown) => void) | undefined

  /** @param isHedge whether it is a second call beside another one, which has the other attempts. */
  constructor(work: Work<T>, target: Target, settings: Settings, events: Events, isHedge: boolean) {
    this.#work = work
    this.#target = target
    this.#settings = settings
    this.#events = events
    calls += 1
    this.#arrival = calls
    const { deadlineMs, retry } = settings
    this.#isHedge = isHedge
    this.#most = isHedge ? 1 : (retry?.attempts ?? 1)
    this.#deadlineAt = deadlineMs === undefined ? Number.POSITIVE_INFINITY : Date.now() + deadlineMs
    this.#stop = new Stop(work.signal, deadlineMs, () => new DeadlineError(work.key, deadlineMs ?? 0))
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
        finished = await this.#attempt(attempt)
        const waitMs = finished.verdict.isRetryable ? this.#retryIn(finished, attempt) : undefined
        if (waitMs === undefined) return this.#last(finished)
        this.#drop(finished)
        finished = undefined
        await this.#stop.sleep(waitMs)
      }
    } catch (error) {
      if (this.#isReported) throw error
      if (finished !== undefined) this.#drop(finished)
      return this.#refused(error)
    } finally {
      target.calls -= 1
      this.#stop.end()
    }
  }

  /** Nobody gets this result: its place is free at once. */
  #drop(finished: Finished<T>): void {
    if (!finished.isThrown) this.#work.discard(finished.result)
    this.#held?.release()
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
    return !this.#isThrottled() && budget?.takeRetry() !== false
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
    if (this.#isUnderWay) this.#push(undefined, thrown, 0)
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
    this.#attempts.push({ sentAt: this.#sentAt, status, error, waitedMs })
    this.#isUnderWay = false
  }

  #attempt(attempt: number): Promise<Finished<T>> {
    this.#stop.throwIfAborted()
    this.#sentAt = undefined
    const { breaker } = this.#target
    if (breaker === undefined) return this.#admit(attempt)
    const answer = breaker.execute(() => this.#admit(attempt))
    // Whoever waits for the verdict of a probe does not wait for longer than the call may take.
    return breaker.state === 'closed' ? answer : this.#stop.race(answer)
  }

  async #admit(attempt: number): Promise<Finished<T>> {
    const { pacer, bulkhead, key } = this.#target
    const { limiter } = this.#settings
    const held = new Held(bulkhead, limiter)
    this.#stop.throwIfAborted()
    if (attempt === 1 && this.#isThrottled()) throw new ThrottledError(key)
    let sent: Sent | undefined
    try {
      do {
        // The gate was closed while it waited: whoever waits at a gate holds nothing.
        if (sent !== undefined) this.#leave(pacer, sent, held)
        sent = undefined
        if (pacer !== undefined) sent = await this.#enter(pacer)
        if (bulkhead !== undefined) {
          const entered = bulkhead.enter(this.#work.priority, this.#arrival, this.#stop)
          if (entered !== undefined) await this.#timed('concurrency', entered)
          held.isInside = true
        }
        if (limiter !== undefined) held.decision = await this.#timed('limits', this.#take())
        this.#stop.throwIfAborted()
      } while (pacer?.isClosed === true)
    } catch (error) {
      this.#leave(pacer, sent, held)
      throw error
    }
    if (attempt === 1 && !this.#isHedge) this.#target.budget?.noteRequest()
    return this.#send(attempt, sent, held)
  }

  #leave(pacer: Pacer | undefined, sent: Sent | undefined, held: Held): void {
    if (sent !== undefined) pacer?.leave(sent)
    held.undo()
  }

  #isThrottled(): boolean {
    const { throttle, key } = this.#target
    if (throttle === undefined) return false
    const { probability } = throttle
    if (probability === 0 || Math.random() >= probability) return false
    throttle.noteKeptBack()
    if (this.#events.isHeard) this.#events.emit('throttled', { key, probability })
    return true
  }

  #enter(pacer: Pacer): Sent | Promise<Sent> {
    const { key, route } = this.#work
    const { maxWaitMs } = this.#settings
    const call = { arrival: this.#arrival, route, deadlineAt: this.#deadlineAt, maxWaitMs }
    const sent = pacer.enter(call, this.#stop, (retryAt, limit, waitedMs) => {
      return new RetryAfterError({ key, retryAt, limit, waitedMs })
    })
    return sent instanceof Promise ? this.#timed('pace', sent) : sent
  }

  /** From `limits`, of all processes that share their store. */
  async #take(): Promise<Decision | undefined> {
    const { limiter, maxWaitMs } = this.#settings
    const { key, cost } = this.#work
    const mostMs = Math.max(0, Math.min(maxWaitMs, this.#deadlineAt - Date.now()))
    try {
      return await limiter?.wait(key, { cost, signal: this.#stop, maxWaitMs: Math.floor(mostMs) })
    } catch (error) {
      throw waitErrorOf(error, key)
    }
  }

  /** A wait that is worth an event. */
  async #timed<R>(reason: 'pace' | 'concurrency' | 'limits', wait: Promise<R>): Promise<R> {
    if (!this.#events.isHeard) return wait
    const began = performance.now()
    const result = await wait
    const waitMs = Math.round(performance.now() - began)
    if (waitMs >= SHORTEST_WAIT_MS) this.#events.emit('wait', { key: this.#work.key, waitMs, reason })
    return result
  }

  async #send(attempt: number, sent: Sent | undefined, held: Held): Promise<Finished<T>> {
    const { pacer } = this.#target
    this.#sentAt = Date.now()
    this.#isUnderWay = true
    this.#held = held
    let result: T
    let verdict: Verdict
    try {
      result = await this.#start(attempt)
      verdict = this.#work.judge(result)
    } catch (error) {
      held.release()
      return this.#thrown(error, pacer, sent)
    }
    // The gate closes before the body is looked at.
    if (sent !== undefined) this.#answered(pacer, sent, verdict)
    this.#target.throttle?.noteAnswer(!verdict.isFailure && !verdict.isRate)
    try {
      const judged = this.#work.judgeBody(result, verdict)
      if (judged !== undefined) verdict = await this.#stop.race(judged)
    } catch (error) {
      this.#work.discard(result)
      held.release()
      throw error
    }
    return { verdict, isThrown: false, result: this.#work.held(result, held.release, this.#abort) }
  }

  #thrown(error: unknown, pacer: Pacer | undefined, sent: Sent | undefined): Finished<T> {
    const refusal = this.#stop.aborted ? undefined : refusalIn(error)
    if (refusal !== undefined && !(refusal instanceof AttemptTimeoutError)) {
      if (sent !== undefined) pacer?.leave(sent)
      throw refusal
    }
    const verdict = verdictOfError(error, this.#settings.statuses)
    if (sent !== undefined) {
      if (this.#stop.aborted || (verdict.status === undefined && !verdict.isUnprocessed)) pacer?.lost(sent)
      else if (verdict.status === undefined) pacer?.leave(sent)
      else this.#answered(pacer, sent, verdict)
    }
    if (this.#stop.aborted) throw error
    this.#target.throttle?.noteAnswer(!verdict.isFailure && !verdict.isRate)
    return { verdict, isThrown: true, error }
  }

  #answered(pacer: Pacer | undefined, sent: Sent, verdict: Verdict): void {
    const until = pacer?.answered(sent, verdict)
    if (until === undefined || !this.#events.isHeard) return
    this.#events.emit('gate', { key: this.#work.key, until, status: verdict.status ?? 0 })
  }

  /** Starts the work, and ends it where it takes too long or nobody waits for it any more. */
  #start(attempt: number): T | PromiseLike<T> {
    const { attemptTimeoutMs, deadlineMs, hedgeAfterMs } = this.#settings
    const { signal, wantsSignal } = this.#work
    const isTimed = attemptTimeoutMs !== undefined || deadlineMs !== undefined || hedgeAfterMs !== undefined
    if (!isTimed && !wantsSignal && signal === undefined) return this.#work.start(undefined, attempt)
    const controller = isTimed || wantsSignal ? new AbortController() : undefined
    this.#abort = controller === undefined ? undefined : (reason) => controller.abort(reason)
    return new Promise((resolve, reject) => {
      let timer: ReturnType<typeof setTimeout> | undefined
      const over = (): void => {
        clearTimeout(timer)
        this.#stop.removeEventListener('abort', aborted)
      }
      let isLeft = false
      const leave = (reason: unknown): void => {
        isLeft = true
        over()
        reject(reason)
        controller?.abort(reason)
      }
      const aborted = (): void => leave(this.#stop.reason)
      this.#stop.addEventListener('abort', aborted)
      if (attemptTimeoutMs !== undefined) {
        timer = setTimeout(() => leave(new AttemptTimeoutError(this.#work.key, attemptTimeoutMs)), attemptTimeoutMs)
      }
      this.#begin(controller?.signal, attempt).then(
        (result) => {
          over()
          if (isLeft) this.#work.discard(result)
          else resolve(result)
        },
        (error) => {
          over()
          reject(error)
        },
      )
    })
  }

  /** Also what throws at once is a rejection. */
  #begin(stop: AbortSignal | undefined, attempt: number): Promise<T> {
    try {
      return Promise.resolve(this.#work.start(stop, attempt))
    } catch (error) {
      return Promise.reject(error)
    }
  }
}

const SHORTEST_WAIT_MS = 1

/** Of a call of `fetch`, the response. */
function resultIn(finished: Finished<unknown>): Response {
  return (finished.isThrown ? undefined : finished.result) as Response
}

function waitErrorOf(error: unknown, key: string): unknown {
  if (!(error instanceof WaitError)) return error
  if (error.reason === 'full') return new QueueFullError(key)
  const { decision } = error
  if (error.reason !== 'timeout' || decision === undefined) return error
  return new RetryAfterError({ key, retryAt: Date.now() + decision.retryAfterMs, limit: limitOf(decision) })
}

/** The limit of ours that keeps a call waiting for longest. */
function limitOf({ standings }: Decision): RemoteLimit | undefined {
  const [denied] = standings.filter(({ allowed }) => !allowed).sort((a, b) => b.retryAfterMs - a.retryAfterMs)
  if (denied === undefined) return undefined
  const { policy, remaining, retryAfterMs } = denied
  return {
    name: policy.name,
    limit: policy.quota,
    remaining,
    resetAt: Date.now() + retryAfterMs,
    unit: policy.unit,
    windowMs: policy.windowMs,
  }
}
