import { pathOf } from '../mock/incoming.js'
import type { LoggedRequest } from '../mock/logged-request.js'
import type { ReceivedRequest } from '../mock/received-request.js'

/**
 * What a client did wrong: `'early'`, it came back before the time that a response named; `'no-backoff'`, it retried at the same
 * pace although its requests went on failing; `'no-jitter'`, its retries come after exactly the same time; `'ignored-quota'`, it
 * sent a request although it knew that nothing remained; `'herd'`, its waiting requests all came back at the same instant.
 */
export type ViolationKind = 'early' | 'no-backoff' | 'no-jitter' | 'ignored-quota' | 'herd'

export interface Violation {
  readonly kind: ViolationKind
  /** What happened, in a sentence with its numbers. */
  readonly message: string
  /** The requests by which it shows, in the order of arrival. */
  readonly requests: readonly ReceivedRequest[]
}

/** A client may send a request before it has read a response that is already on its way, so many milliseconds after it was sent. */
export const READING_MS = 100

/**
 * Whether a client had read a response when it sent a request: some time has passed, and the process of the mock has not been busy for
 * all of it.
 */
export function hasRead(later: LoggedRequest, earlier: LoggedRequest): boolean {
  const { endedIdleMs, request } = earlier
  if (request.endedAt === undefined || later.request.at < request.endedAt + READING_MS) return false
  return endedIdleMs !== undefined && later.arrivedIdleMs - endedIdleMs >= READING_MS / 2
}

/** Milliseconds by which a request may come early: timers and clocks are no more exact than that. */
export const EARLY_MS = 25

/** What a request is called in a sentence: without its query, which may hold a secret. */
export function named({ method, path }: ReceivedRequest): string {
  const shown = pathOf(path)
  return shown.length > 80 ? `${method} ${shown.slice(0, 79)}…` : `${method} ${shown}`
}
