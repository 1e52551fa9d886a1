import type { Decision } from '../decisions/decision.js'
import type { Field } from './headers.js'

/**
 * A denial for the framework's own error handling, with `deny: 'error'`. Its status and headers are those that the
 * response would have had; its message is a sentence for the client.
 */
export class RateLimitError extends Error {
  override readonly name = 'RateLimitError'
  /** Always `'SLUICE_DENIED'`. */
  readonly code = 'SLUICE_DENIED'
  /** 429; 503 where the store is unavailable and `onStoreError` is `'deny'`. */
  readonly status: number
  /** The same, as Fastify and others read it. */
  readonly statusCode: number
  /** The limits' fields, with `Retry-After` where a time is known. */
  readonly headers: Readonly<Record<string, string>>
  /** The message may be shown to the client. */
  readonly expose = true
  readonly decision: Decision

  constructor(message: string, status: number, fields: readonly Field[], decision: Decision) {
    super(message)
    this.status = status
    this.statusCode = status
    this.headers = Object.fromEntries(fields)
    // Not enumerable: loggers that print an error's properties would print the partition key.
    this.decision = decision
    Object.defineProperty(this, 'decision', { enumerable: false })
  }
}
