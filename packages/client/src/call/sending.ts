import { type Decision, WaitError } from '@sluice/core'
import { AttemptTimeoutError, QueueFullError, RetryAfterError, ThrottledError } from '../errors.js'
import type { Events } from '../events.js'
import type { Pacer, Sent } from '../layers/pacer.js'
import type { RemoteLimit } from '../parse/remote-limit.js'
import type { Settings } from '../settings.js'
import type { Target } from '../target.js'
import type { Finished } from './finished.js'
import { Held } from './held.js'
import type { Stop } from './stop.js'
import { refusalIn, type Verdict, verdictOfError } from './verdict.js'
import type { Work } from './work.js'

let calls = 0

/** The way out of a call: each attempt through the layers that admit it, and then to an answer. */
export class Sending<T> {
  readonly #work: Work<T>
  readonly #target: Target
  readonly #settings: Settings
  readonly #events: Events
  readonly #stop: Stop
  readonly #deadlineAt: number
  readonly #isHedge: boolean
  /** Whoever called first waits in front, also with a second attempt. */
  readonly #arrival: number
  /** When the latest attempt was sent, in Unix milliseconds. */
  sentAt: number | undefined
  /** Whether an attempt was sent that nothing is noted of yet. */
  isUnderWay = false
  #held: Held | undefined
  /** Ends the latest attempt, where it has a signal of its own. */
  #abort: ((reason: unknown) => void) | undefined

  constructor(
    work: Work<T>,
    target: Target,
    settings: Settings,
    events: Events,
    stop: Stop,
    deadlineAt: number,
    isHedge: boolean,
  ) {
    this.#work = work
    this.#target = target
    this.#settings = settings
    this.#events = events
    this.#stop = stop
    this.#deadlineAt = deadlineAt
    this.#isHedge = isHedge
    calls += 1
    this.#arrival = calls
  }

  /** @throws what kept it from being sent, or ended it. */
  attempt(attempt: number): Promise<Finished<T>> {
    this.#stop.throwIfAborted()
    this.sentAt = undefined
    const { breaker } = this.#target
    if (breaker === undefined) return this.#admit(attempt)
    const answer = breaker.execute(() => this.#admit(attempt))
    // Whoever waits for the verdict of a probe does not wait for longer than the call may take.
    return breaker.state === 'closed' ? answer : this.#stop.race(answer)
  }

  /** Nobody gets this result: its place is free at once. */
  drop(finished: Finished<T>): void {
    if (!finished.isThrown) this.#work.discard(finished.result)
    this.#held?.release()
  }

  async #admit(attempt: number): Promise<Finished<T>> {
    const { pacer, bulkhead, key } = this.#target
    const { limiter } = this.#settings
    const held = new Held(bulkhead, limiter)
    this.#stop.throwIfAborted()
    if (attempt === 1 && this.isThrottled()) throw new ThrottledError(key)
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
      } while (pacer?.isClosedFor(this.#work.route) === true)
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

  /** Whether adaptive throttling keeps an attempt back, which is counted then. */
  isThrottled(): boolean {
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
    this.sentAt = Date.now()
    this.isUnderWay = true
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
    if (this.#events.isHeard) this.#report(verdict, false)
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
    if (this.#events.isHeard && !this.#stop.aborted) this.#report(verdict, true)
    if (sent !== undefined) {
      if (this.#stop.aborted || (verdict.status === undefined && !verdict.isUnprocessed)) pacer?.lost(sent)
      else if (verdict.status === undefined) pacer?.leave(sent)
      else this.#answered(pacer, sent, verdict)
    }
    if (this.#stop.aborted) throw error
    this.#target.throttle?.noteAnswer(!verdict.isFailure && !verdict.isRate)
    return { verdict, isThrown: true, error }
  }

  #report({ status, isRate, isFailure }: Verdict, isThrown: boolean): void {
    const isOk = !isThrown && (status === undefined || status < 400)
    const result = isRate ? 'limited' : isFailure ? 'failed' : isOk ? 'ok' : 'refused'
    const tookMs = Date.now() - (this.sentAt ?? 0)
    this.#events.emit('attempt', { key: this.#work.key, result, status, tookMs })
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
