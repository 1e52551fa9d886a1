/** A request as the dashboard sees it, whatever framework it came through. */
export interface DashboardRequest {
  readonly method: string
  /** Below the mount point, beginning with `/`. */
  readonly path: string
  readonly query: URLSearchParams
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  /** Of HTTP: `'1.1'`. */
  readonly version: string
  /** The address at the other end of the socket, whatever a header says. */
  readonly address: string | undefined
  /** The framework's own request, for `auth`. */
  readonly original: unknown
  /** Reads the body, or what a parser in front has made of it. Rejects beyond 64 kB. */
  body(): Promise<unknown>
}

/** What it answers. */
export interface DashboardResponse {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Buffer | undefined
  /** Instead of a body: takes over what is written and when it ends, and returns a function that is called when the client has gone. */
  readonly stream?: ((write: Write, end: () => void) => () => void) | undefined
}

/** Writes to a client; answers with whether it can take more. */
export type Write = (chunk: string) => boolean

/** Thrown to answer with a status and a sentence. */
export class HttpError extends Error {
  override readonly name = 'HttpError'
  readonly status: number

  constructor(status: number, sentence: string) {
    super(sentence)
    this.status = status
  }
}

export function json(value: unknown, status: number = 200): DashboardResponse {
  return {
    status,
    headers: { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' },
    body: JSON.stringify(value),
  }
}

export function text(status: number, sentence: string): DashboardResponse {
  const headers = { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' }
  return { status, headers, body: `${sentence}\n` }
}
