import { type Ask, askedAnew } from '../decisions/ask.js'
import type { Decision } from '../decisions/decision.js'
import { isShutOut } from '../decisions/override.js'
import { ConfigError, shown } from '../errors.js'
import { ObservedWait } from '../observe/observed-wait.js'
import type { WaitResult } from '../observe/observer.js'
import { checkWhole } from '../options.js'
import { LONGEST_TIMER_MS } from '../runtime/longest-timer.js'
import type { Decider } from './decider.js'
import { WaitError } from './wait-error.js'
import { type Plan, type Waiter, type Waiting, waitingOf } from './waiting.js'

/** The part of an AbortSignal that is looked at. */
export interface Signal {
  readonly aborted: boolean
  readonly reason: unknown
  addEventListener(event: 'abort', listener: () => void, options?: { readonly once: boolean }): void
  removeEventListener(event: 'abort', listener: () => void): void
}

/** How long somebody waits. */
export interface WaitOptions {
  /** Ends the wait at once when it is aborted: nothing is taken, and the promise rejects with the signal's reason. */
  readonly signal?: Signal | undefined
  /** Milliseconds after which the promise rejects with a `WaitError`, 0 to 2^31 − 1; by default it waits for as long as it takes. */
  readonly maxWaitMs?: number | undefined
}

export const WAIT_OPTIONS = ['signal', 'maxWaitMs'] as const

/** @throws {ConfigError} on options that cannot be right. */
export function checkWait({ signal, maxWaitMs }: WaitOptions): void {
  if (maxWaitMs !== undefined) checkWhole('maxWaitMs', maxWaitMs, 0, LONGEST_TIMER_MS)
  if (signal !== undefined && typeof signal?.addEventListener !== 'function') {
    throw new ConfigError(`signal: expected an AbortSignal, got ${shown(signal)}.`)
  }
}

/**
 * Waits in the line of a key until a decision allows. Rejects with a `WaitError` where that cannot be, or takes too long.
 * @param most how many wait in one line at the most.
 * @param decided learns of the decision that ends the wait, and passes it on.
 */
export function waitInLine(
  decider: Decider,
  line: string,
  asks: readonly Ask[],
  { signal, maxWaitMs }: WaitOptions,
  most: number,
  decided: Decided,
): Promise<Decision> {
  if (signal?.aborted) return Promise.reject(signal.reason)
  const waiting = waitingOf(decider.failover)
  if (waiting.sizeOf(line) >= most) return Promise.reject(new WaitError('full', undefined))
  return new Promise((resolve, reject) => {
    new Wait(decider, asks, signal, decided, resolve, reject).begin(waiting, line, maxWaitMs)
  })
}

type Decided = (decision: Decision) => Decision

/** Somebody who waits in a line. Thousands may: it is one object, and has closures only where it is given a signal or a time. */
class Wait implements Waiter {
  readonly asks: readonly Ask[]
  readonly #decider: Decider
  readonly #signal: Signal | undefined
  readonly #decided: Decided
  readonly #resolve: (decision: Decision | Promise<Decision>) => void
  readonly #reject: (error: unknown) => void
  #latest = Number.POSITIVE_INFINITY
  #denial: Decision | undefined
  #timer: ReturnType<typeof setTimeout> | undefined
  #aborted: (() => void) | undefined
  #leave: (() => void) | undefined
  readonly #observed: ObservedWait
  #isFirst = true
  #isAsking = false
  #isOver = false

  constructor(
    decider: Decider,
    asks: readonly Ask[],
    signal: Signal | undefined,
    decided: Decided,
    resolve: (decision: Decision | Promise<Decision>) => void,
    reject: (error: unknown) => void,
  ) {
    this.#decider = decider
    this.asks = asks
    this.#signal = signal
    this.#decided = decided
    this.#resolve = resolve
    this.#reject = reject
    this.#observed = new ObservedWait(decider, asks)
  }

  begin(waiting: Waiting, line: string, maxWaitMs: number | undefined): void {
    if (maxWaitMs !== undefined) this.#latest = performance.now() + maxWaitMs
    const leave = waiting.join(line, this, undefined)
    if (this.#isOver) return
    this.#leave = leave
    if (this.#signal !== undefined) {
      // The store may have aborted it while it was asked.
      if (this.#signal.aborted) {
        this.#giveUp(this.#signal.reason)
        return
      }
      this.#aborted = () => this.#giveUp(this.#signal?.reason)
      this.#signal.addEventListener('abort', this.#aborted)
    }
    if (maxWaitMs === undefined) return
    this.#timer = setTimeout(() => {
      // An answer that is under way is waited for: the store has its own deadline.
      if (!this.#isAsking) this.#giveUp(new WaitError('timeout', this.#denial))
    }, maxWaitMs)
  }

  ask(): Decision | Promise<Decision> {
    const asks = this.#isFirst ? this.asks : askedAnew(this.asks)
    this.#isFirst = false
    this.#isAsking = true
    return this.#decider.attempt('consume', asks, undefined)
  }

  plan(denial: Decision): Plan | undefined {
    this.#denial = denial
    this.#isAsking = false
    const plan = planFor(denial)
    // Others cannot make it shorter: who waits for longer than it may need not wait at all.
    return plan === undefined || this.#isInTime(plan.ms) ? plan : undefined
  }

  settle(decision: Decision): void {
    this.#end(decision.allowed ? 'allowed' : 'limited')
    if (!decision.allowed) this.#reject(new WaitError(reasonOf(decision), decision))
    else if (decision.delayMs === 0) this.#resolve(this.#decided(decision))
    else if (this.#isInTime(decision.delayMs)) {
      this.#resolve(delayed(this.#decider, decision, this.#signal).then(this.#decided))
    } else {
      this.undo(decision)
      this.#reject(new WaitError('timeout', decision))
    }
  }

  fail(error: unknown): void {
    this.#end('canceled')
    this.#reject(error)
  }

  undo(decision: Decision): void {
    undo(this.#decider, decision)
  }

  close(): void {
    this.fail(new WaitError('closed', this.#denial))
  }

  #isInTime(ms: number): boolean {
    return this.#latest === Number.POSITIVE_INFINITY || performance.now() + ms <= this.#latest
  }

  #giveUp(reason: unknown): void {
    if (this.#isOver) return
    this.#end('canceled')
    this.#reject(reason)
    this.#leave?.()
  }

  #end(result: WaitResult): void {
    this.#isOver = true
    this.#observed.end(result)
    if (this.#timer !== undefined) clearTimeout(this.#timer)
    if (this.#aborted !== undefined) this.#signal?.removeEventListener('abort', this.#aborted)
  }
}

function reasonOf(decision: Decision): 'never' | 'timeout' {
  return planFor(decision) === undefined ? 'never' : 'timeout'
}

/** When a denial may be over; `undefined` where it never is. A slot may be released at any time. */
export function planFor({ standings, override, retryAfterMs: bannedMs }: Decision): Plan | undefined {
  if (isShutOut(override)) {
    return bannedMs === Number.POSITIVE_INFINITY ? undefined : { ms: bannedMs }
  }
  let ms = 0
  for (const { allowed, policy, retryAfterMs } of standings) {
    if (allowed || policy.shadow) continue
    if (retryAfterMs === Number.POSITIVE_INFINITY) return undefined
    if (policy.lease === undefined) ms = Math.max(ms, retryAfterMs)
  }
  return { ms }
}

/** A leaky bucket lets in at once, and go on later. */
function delayed(decider: Decider, decision: Decision, signal: Signal | undefined): Promise<Decision> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => {
        signal?.removeEventListener('abort', aborted)
        resolve(decision)
      },
      Math.min(decision.delayMs, LONGEST_TIMER_MS),
    )
    const aborted = (): void => {
      clearTimeout(timer)
      undo(decider, decision)
      reject(signal?.reason)
    }
    if (signal?.aborted) aborted()
    else signal?.addEventListener('abort', aborted, { once: true })
  })
}

/** Gives back all that was taken for somebody who no longer waits. */
export function undo(decider: Decider, decision: Decision): void {
  if (!decision.taken) return
  decider.failover.inBackground(() => decider.refund(decision, undefined))
}
