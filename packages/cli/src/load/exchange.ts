import http from 'node:http'
import https from 'node:https'
import { type HeaderFields, parseRateLimit, type RateLimitReport } from '@sluice/client'
import type { Target } from './target.js'

/** What is sent. */
export interface LoadRequest {
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | undefined
}

/** One request and what came of it. Times are milliseconds of one clock. */
export interface Exchange {
  readonly client: number
  readonly sentAt: number
  readonly endedAt: number
  /** 0 where there was no response. */
  readonly status: number
  readonly report: RateLimitReport
  /** When the response said to come back, by that clock; `undefined` where it did not. */
  readonly retryAt: number | undefined
  readonly headers: http.IncomingHttpHeaders
  readonly error: string | undefined
}

/** Sends requests over connections that stay open, one for each client at a time. */
export class Sender {
  readonly #target: Target
  readonly #agent: http.Agent
  readonly #timeoutMs: number

  constructor(target: Target, connections: number, timeoutMs: number) {
    this.#target = target
    this.#timeoutMs = timeoutMs
    const options = { keepAlive: true, maxSockets: connections }
    this.#agent = target.url.protocol === 'https:' ? new https.Agent(options) : new http.Agent(options)
  }

  send(client: number, { method, headers, body }: LoadRequest): Promise<Exchange> {
    const { url, address, family } = this.#target
    const sentAt = performance.now()
    return new Promise((resolve) => {
      const end = (status: number, answered: http.IncomingHttpHeaders, error?: string): void => {
        const endedAt = performance.now()
        const now = Date.now()
        const report = parseRateLimit(answered as HeaderFields, { now })
        const retryAt = report.retryAt === null ? undefined : endedAt + (report.retryAt - now)
        resolve({ client, sentAt, endedAt, status, report, retryAt, headers: answered, error })
      }
      const send = url.protocol === 'https:' ? https.request : http.request
      const request = send(
        url,
        {
          method,
          headers,
          agent: this.#agent,
          // The address that was checked, whatever the name leads to by now.
          lookup: (_host, options, callback) =>
            options.all === true ? callback(null, [{ address, family }]) : callback(null, address, family),
        },
        (response) => {
          response.resume()
          response.on('end', () => end(response.statusCode ?? 0, response.headers))
          response.on('error', (error) => end(0, {}, error.message))
        },
      )
      const timer = setTimeout(
        () => request.destroy(new Error(`no whole response in ${this.#timeoutMs} ms`)),
        this.#timeoutMs,
      )
      request.on('error', (error: NodeJS.ErrnoException) => end(0, {}, error.code ?? error.message))
      request.on('close', () => {
        clearTimeout(timer)
        // A response that was cut off ends without an error.
        end(0, {}, 'the connection was closed')
      })
      request.end(body)
    })
  }

  close(): void {
    this.#agent.destroy()
  }
}
