/** A request that a mock API has received, and how it ended. Times are milliseconds by the mock's clock. */
export interface ReceivedRequest {
  /** 1 for the first one since the mock was made or reset. */
  readonly number: number
  readonly method: string
  /** The path with its query. */
  readonly path: string
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>
  /** As text. Empty until it has been read. */
  readonly body: string
  /** Whose quota it used: its `Authorization`, `x-api-key` or `api-key` header, otherwise its address. */
  readonly key: string
  /** When it arrived. */
  readonly at: number
  /** When it was answered in full, or its connection closed; `undefined` until then. */
  readonly endedAt: number | undefined
  /** `undefined` until it was answered in full: also for a request that hung or whose connection was reset. */
  readonly status: number | undefined
  /** Milliseconds that the response asked the client to wait; `undefined` where it named no time. */
  readonly waitMs: number | undefined
}
