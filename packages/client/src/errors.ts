import type { RemoteLimit } from './parse/remote-limit.js'

/** One attempt of a call that is over. */
export interface Attempt {
  /** When it was sent, in Unix milliseconds; `undefined` where it was held back and not sent. */
  readonly sentAt: number | undefined
  /** The status of its response. */
  readonly status: number | undefined
  /** What it failed with instead. */
  readonly error: unknown
  /** Milliseconds waited before the next attempt; 0 for the last. */
  readonly waitedMs: number
}

interface WaitDetails {
  readonly key: string
  readonly retryAt: number
  readonly limit?: RemoteLimit | undefined
  readonly response?: Response | undefined
  /** Milliseconds that it has waited already. */
  readonly waitedMs?: number | undefined
}

/**
 * The wait that a server or a limit asks for is longer than the call may take: nothing was slept through, and nothing is sent
 * before `retryAt`.
 */
export class RetryAfterError extends Error {
  override readonly name = 'RetryAfterError'
  /** Always `'SLUICE_RETRY_AFTER'`. */
  readonly code = 'SLUICE_RETRY_AFTER'
  readonly key: string
  /** The earliest time to try again, in Unix milliseconds. */
  readonly retryAt: number
  /** The limit that is used up, where that is known. */
  readonly limit: RemoteLimit | undefined
  /** The response that asked for the wait; its body has been read or cancelled. */
  readonly response: Response | undefined

  constructor({ key, retryAt, limit, response, waitedMs = 0 }: WaitDetails) {
    const which = limit === undefined ? '' : ` (limit "${limit.name}")`
    const waited = waitedMs < 100 ? '' : ` It has waited for ${(waitedMs / 1_000).toFixed(1)} s.`
    super(
      `${key} can be called again at ${shownTime(retryAt)}${which}: that is longer than this call may wait.${waited}`,
    )
    this.key = key
    this.retryAt = retryAt
    this.limit = limit
    this.response = response
  }
}

/** A quota or a credit is used up: trying again soon cannot help. */
export class QuotaExceededError extends Error {
  override readonly name = 'QuotaExceededError'
  /** Always `'SLUICE_QUOTA_EXCEEDED'`. */
  readonly code = 'SLUICE_QUOTA_EXCEEDED'
  readonly key: string
  /** When there will be more, in Unix milliseconds; `undefined` where the server does not say. */
  readonly retryAt: number | undefined
  /** The denial; its body has been read. */
  readonly response: Response

  constructor(key: string, retryAt: number | undefined, response: Response, reason: string) {
    const until = retryAt === undefined ? '' : ` until ${shownTime(retryAt)}`
    super(`A quota of ${key} is used up${until} (${reason}).`)
    this.key = key
    this.retryAt = retryAt
    this.response = response
  }
}

/** Too many calls to this key have failed: none is sent until `retryAt`. */
export class BreakerOpenError extends Error {
  override readonly name = 'BreakerOpenError'
  /** Always `'SLUICE_BREAKER_OPEN'`. */
  readonly code = 'SLUICE_BREAKER_OPEN'
  readonly key: string
  /** When a call is let through to see whether it is back, in Unix milliseconds. */
  readonly retryAt: number

  constructor(key: string, retryAt: number) {
    super(`Calls to ${key} have failed too often; the next one is sent at ${shownTime(retryAt)}.`)
    this.key = key
    this.retryAt = retryAt
  }
}

/** The server rejects so many calls that this one was not sent, to spare it. */
export class ThrottledError extends Error {
  override readonly name = 'ThrottledError'
  /** Always `'SLUICE_THROTTLED'`. */
  readonly code = 'SLUICE_THROTTLED'
  readonly key: string

  constructor(key: string) {
    super(`${key} rejects many calls at the moment: this one was not sent (adaptive throttling).`)
    this.key = key
  }
}

/** As many calls as may wait for this key are waiting already. */
export class QueueFullError extends Error {
  override readonly name = 'QueueFullError'
  /** Always `'SLUICE_QUEUE_FULL'`. */
  readonly code = 'SLUICE_QUEUE_FULL'
  readonly key: string

  constructor(key: string) {
    super(`Too many calls to ${key} are waiting.`)
    this.key = key
  }
}

/** The call, with all its waits and attempts, has taken longer than `deadlineMs`. */
export class DeadlineError extends Error {
  override readonly name = 'DeadlineError'
  /** Always `'SLUICE_DEADLINE'`. */
  readonly code = 'SLUICE_DEADLINE'
  readonly key: string

  constructor(key: string, deadlineMs: number) {
    super(`The call to ${key} has not ended within ${deadlineMs} ms (deadlineMs).`)
    this.key = key
  }
}

/** One attempt has not been answered within `attemptTimeoutMs`. */
export class AttemptTimeoutError extends Error {
  override readonly name = 'AttemptTimeoutError'
  /** Always `'SLUICE_ATTEMPT_TIMEOUT'`. */
  readonly code = 'SLUICE_ATTEMPT_TIMEOUT'
  readonly key: string

  constructor(key: string, timeoutMs: number) {
    super(`${key} has not answered within ${timeoutMs} ms (attemptTimeoutMs).`)
    this.key = key
  }
}

function shownTime(at: number): string {
  return at <= 8.64e15 ? new Date(at).toISOString() : 'the end of time'
}
