import { defused } from '../call/defuse.js'

/** How a computed wait is spread, so that clients that failed together do not come back together. */
export type Jitter = 'full' | 'equal' | 'decorrelated' | 'none' | ((delayMs: number, attempt: number) => number)

export interface BackoffTerms {
  readonly baseMs: number
  readonly maxMs: number
  readonly jitter: Jitter
}

/**
 * The wait after the attempt of this number, from 1: base · 2^(attempt − 1), capped first and then spread, so that the spread
 * is not lost at the cap. Decorrelated: between base and three times the wait before (AWS, "Exponential backoff and jitter").
 * @param beforeMs the wait before, 0 for the first.
 */
export function backoffMs({ baseMs, maxMs, jitter }: BackoffTerms, attempt: number, beforeMs: number): number {
  const delayMs = Math.min(maxMs, baseMs * 2 ** (attempt - 1))
  if (typeof jitter === 'function') return checked(jitter(delayMs, attempt), delayMs)
  if (jitter === 'none') return delayMs
  if (jitter === 'full') return Math.random() * delayMs
  if (jitter === 'equal') return delayMs / 2 + (Math.random() * delayMs) / 2
  return Math.min(maxMs, baseMs + Math.random() * (Math.max(baseMs, 3 * beforeMs) - baseMs))
}

/** A user's function may return anything. */
function checked(ms: number, fallbackMs: number): number {
  return typeof defused(ms) === 'number' && ms >= 0 && ms < Number.POSITIVE_INFINITY ? ms : fallbackMs
}

/**
 * Never earlier than announced, and up to a tenth later, so that those who were told the same do not come at once.
 * @param leftMs the time that is left: no more than half of the rest is taken for that.
 */
export function announcedMs(hintMs: number, leftMs: number): number {
  return Math.ceil(hintMs + Math.random() * Math.min(hintMs / 10, Math.max(0, leftMs - hintMs) / 2))
}
