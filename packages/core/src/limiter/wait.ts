import { type Ask, askedAnew } from '../decisions/ask.js'
import type { Decision } from '../decisions/decision.js'
import { ConfigError, shown } from '../errors.js'
import { checkWhole } from '../options.js'
import { isThenable } from '../runtime/thenable.js'
import type { Decider } from './decider.js'
import { WaitError } from './wait-error.js'
import { type Plan, type Waiting, waitingOf } from './waiting.js'

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

const LONGEST_WAIT_MS = 2 ** 31 - 1

/** @throws {ConfigError} on options that cannot be right. */
export function checkWait({ signal, maxWaitMs }: WaitOptions): void {
  if (maxWaitMs !== undefined) checkWhole('maxWaitMs', maxWaitMs, 0, LONGEST_WAIT_MS)
  if (signal !== undefined && typeof signal?.addEventListener !== 'function') {
    throw new ConfigError(`signal: expected an AbortSignal, got ${shown(signal)}.`)
  }
}

/**
 * Waits in the line of a key until a decision allows. Rejects with a `WaitError` where that cannot be, or takes too long.
 * @param most how many wait in one line at the most.
 */
export async function waitInLine(
  decider: Decider,
  line: string,
  asks: readonly Ask[],
  { signal, maxWaitMs }: WaitOptions,
  most: number,
): Promise<Decision> {
  if (signal?.aborted) throw signal.reason
  const waiting = waitingOf(decider.failover)
  if (waiting.sizeOf(line) >= most) throw new WaitError('full', undefined)
  const decision = await decided(waiting, decider, line, asks, signal, maxWaitMs)
  if (decision.delayMs > 0) await delayed(decider, decision, signal)
  return decision
}

function decided(
  waiting: Waiting,
  decider: Decider,
  line: string,
  asks: readonly Ask[],
  signal: Signal | undefined,
  maxWaitMs: number | undefined,
): Promise<Decision> {
  return new Promise((resolve, reject) => {
    const latest = maxWaitMs === undefined ? Number.POSITIVE_INFINITY : performance.now() + maxWaitMs
    let denial: Decision | undefined
    let timer: ReturnType<typeof setTimeout> | undefined
    let leave: (() => void) | undefined
    let isOver = false
    const end = (settle: () => void): void => {
      isOver = true
      clearTimeout(timer)
      signal?.removeEventListener('abort', aborted)
      settle()
    }
    const give = (settle: () => void): void => {
      if (isOver) return
      end(settle)
      leave?.()
    }
    const aborted = (): void => give(() => reject(signal?.reason))
    let isFirst = true
    let isAsking = false
    leave = waiting.join(
      line,
      {
        asks,
        ask() {
          const turn = isFirst ? asks : askedAnew(asks)
          isFirst = false
          isAsking = true
          return decider.decide('consume', turn)
        },
        plan(decision) {
          denial = decision
          isAsking = false
          const plan = planFor(decision)
          // Others cannot make it shorter: who waits for longer than it may need not wait at all.
          return plan !== undefined && performance.now() + plan.ms <= latest ? plan : undefined
        },
        settle(decision) {
          end(() => (decision.allowed ? resolve(decision) : reject(new WaitError(reasonOf(decision), decision))))
        },
        fail: (error) => end(() => reject(error)),
        undo: (decision) => undo(decider, decision),
        close: () => end(() => reject(new WaitError('closed', denial))),
      },
      undefined,
    )
    if (isOver) return
    // The store may have aborted it while it was asked.
    if (signal?.aborted) return aborted()
    signal?.addEventListener('abort', aborted)
    if (maxWaitMs !== undefined) {
      // An answer that is under way is waited for: the store has its own deadline.
      const late = (): void => (isAsking ? undefined : give(() => reject(new WaitError('timeout', denial))))
      timer = setTimeout(late, maxWaitMs)
    }
  })
}

function reasonOf(decision: Decision): 'never' | 'timeout' {
  return planFor(decision) === undefined ? 'never' : 'timeout'
}

/** When a denial may be over; `undefined` where it never is. A slot may be released at any time. */
export function planFor({ standings }: Decision): Plan | undefined {
  let ms = 0
  for (const { allowed, policy, retryAfterMs } of standings) {
    if (allowed || policy.shadow) continue
    if (retryAfterMs === Number.POSITIVE_INFINITY) return undefined
    if (policy.lease === undefined) ms = Math.max(ms, retryAfterMs)
  }
  return { ms }
}

/** A leaky bucket lets in at once, and go on later. */
function delayed(decider: Decider, decision: Decision, signal: Signal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => {
        signal?.removeEventListener('abort', aborted)
        resolve()
      },
      Math.min(decision.delayMs, LONGEST_WAIT_MS),
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
  try {
    const undone = decider.refund(decision, undefined)
    if (isThenable(undone)) undone.then(undefined, (error) => decider.failover.report(error))
  } catch (error) {
    decider.failover.report(error)
  }
}
