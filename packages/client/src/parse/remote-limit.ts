/** One limit, as a response reports it. What the response does not say is `null`. */
export interface RemoteLimit {
  /** What the server calls it; `'default'` where it has no name. */
  readonly name: string
  /** Units in a window. */
  readonly limit: number | null
  /** Units that are left. */
  readonly remaining: number | null
  /** When there will be more, in Unix milliseconds by this process's clock. */
  readonly resetAt: number | null
  /** What is counted: `'requests'`, `'tokens'`, or what `RateLimit-Policy` calls it. */
  readonly unit: string
  /** The window's length in milliseconds. */
  readonly windowMs: number | null
}

/** What a response says about limits. */
export interface RateLimitReport {
  /** In the order of the fields. */
  readonly limits: readonly RemoteLimit[]
  /** The earliest time to try again, in Unix milliseconds by this process's clock: `Retry-After` and its relatives. */
  readonly retryAt: number | null
}
