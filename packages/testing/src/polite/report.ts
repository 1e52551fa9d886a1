/** A call by the client under test: it sends one request to the URL, and gives up when the signal is aborted. */
export type PoliteClient = (url: string, init: { readonly signal: AbortSignal }) => Promise<unknown>

/** What `expectPolite` checks, in its order. */
export const CHECKS = {
  'retry-after-seconds': 'waits for `Retry-After` in seconds',
  'retry-after-date': 'waits for `Retry-After` as a date',
  'wrong-clock': "reads dates by the server's clock",
  backoff: 'waits longer after each failure',
  jitter: 'adds jitter to its waits',
  'retry-limit': 'limits its retries',
  'exhausted-quota': 'waits before a quota is exceeded',
  'shared-wait': 'holds all calls after a 429',
  herd: 'spreads calls that waited',
  abort: 'stops when it is aborted',
  'bad-request': 'does not retry a 400',
} as const

export type PoliteCheckName = keyof typeof CHECKS

/** How one check ended. */
export interface PoliteCheck {
  readonly name: PoliteCheckName
  /** What a polite client does. */
  readonly title: string
  readonly passed: boolean
  /** What the client did, in a sentence. */
  readonly detail: string
}

export interface PoliteReport {
  /** In the order of the documentation, without those that were skipped. */
  readonly checks: readonly PoliteCheck[]
}

/** What a check finds out. */
export type Finding = Pick<PoliteCheck, 'passed' | 'detail'>

export function passed(detail: string): Finding {
  return { passed: true, detail }
}

export function failed(detail: string): Finding {
  return { passed: false, detail }
}
