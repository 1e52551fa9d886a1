import { refusalIn, verdictOfError } from '../call/verdict.js'
import {
  AttemptTimeoutError,
  BreakerOpenError,
  DeadlineError,
  QueueFullError,
  RetryAfterError,
  ThrottledError,
} from '../errors.js'

const PROBLEMS = 'https://iana.org/assignments/http-problem-types#'

/** An error as a response. */
export interface Refusal {
  readonly status: number
  readonly title: string
  readonly type: string
  readonly retryAt?: number
}

/** What an error would be as a response: a 429 or 503 for what was not sent, a 504 or 502 for what was not answered. */
export function refusalOf(error: unknown): Refusal | undefined {
  if (error instanceof RetryAfterError) {
    return { status: 429, title: 'Too Many Requests', type: `${PROBLEMS}quota-exceeded`, retryAt: error.retryAt }
  }
  if (error instanceof BreakerOpenError) return { ...UNAVAILABLE, retryAt: error.retryAt }
  if (error instanceof ThrottledError || error instanceof QueueFullError) return UNAVAILABLE
  if (error instanceof DeadlineError || error instanceof AttemptTimeoutError) {
    return { status: 504, title: 'Gateway Timeout', type: 'about:blank' }
  }
  // A cost or a key that cannot be right is the caller's to mend.
  if (refusalIn(error) !== undefined) return undefined
  return verdictOfError(error, NONE).isFailure ? { status: 502, title: 'Bad Gateway', type: 'about:blank' } : undefined
}

const UNAVAILABLE: Refusal = {
  status: 503,
  title: 'Service Unavailable',
  type: `${PROBLEMS}temporary-reduced-capacity`,
}

const NONE: ReadonlySet<number> = new Set()
