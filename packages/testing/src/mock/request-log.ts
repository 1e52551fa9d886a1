import type { IncomingMessage } from 'node:http'
import { type LoggedRequest, newLoggedRequest } from './logged-request.js'

/** Older requests are forgotten, so that a mock can run for days. */
const MOST_KEPT = 10_000

/** What a mock has received, in the order of arrival. */
export class RequestLog {
  #logged: LoggedRequest[] = []
  #count = 0

  get logged(): readonly LoggedRequest[] {
    return this.#logged
  }

  /** `idleMs`: see `LoggedRequest`. */
  add(at: number, idleMs: number, message: IncomingMessage): LoggedRequest {
    this.#count += 1
    const logged = newLoggedRequest(this.#count, at, idleMs, message)
    this.#logged.push(logged)
    // In portions, since each copies what is kept.
    if (this.#logged.length >= 2 * MOST_KEPT) this.#logged = this.#logged.slice(-MOST_KEPT)
    return logged
  }

  clear(): void {
    this.#logged = []
    this.#count = 0
  }
}
