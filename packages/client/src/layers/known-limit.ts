import type { RemoteLimit } from '../parse/remote-limit.js'

/** Below this share of what is left, calls are spread over the time to the reset. */
const LOW_SHARE = 0.1

/**
 * What is known of one limit of a server, from the reports of responses that may arrive in any order: how many more calls can be sent
 * before one could be denied.
 */
export class KnownLimit {
  #report: RemoteLimit
  /** The smallest remainder of the newest reports: those sent before another one had arrived. */
  #remaining: number
  /** The number of the last answer that it was set by. */
  #answer: number
  /** Units that a call takes, as far as reports tell; 1 where requests are counted. */
  #cost = 1
  #answersSince = 0
  /** How many calls had come when it was first reported, and when that was. */
  readonly #callsBefore: number
  readonly #since: number

  constructor(report: RemoteLimit, remaining: number, answer: number, callsBefore: number, since: number) {
    this.#report = report
    this.#remaining = remaining
    this.#answer = answer
    this.#callsBefore = callsBefore
    this.#since = since
  }

  get report(): RemoteLimit {
    return this.#report
  }

  get resetAt(): number | null {
    return this.#report.resetAt
  }

  /** @param sentAfter how many answers had arrived when the call was sent whose response reports. */
  note(report: RemoteLimit, remaining: number, sentAfter: number, answer: number): void {
    this.#answersSince += 1
    const isNewer = sentAfter >= this.#answer
    if (!isNewer && remaining > this.#remaining) return
    if (report.unit !== 'requests') this.#learnCost(remaining)
    this.#report = report
    this.#remaining = remaining
    if (isNewer) {
      this.#answer = answer
      this.#answersSince = 0
    }
  }

  /** A call may have been counted although its response was lost. */
  noteLost(): void {
    this.#remaining -= this.#cost
  }

  /** Calls that can still be sent: those without an answer yet may have been counted or not. */
  credit(unanswered: number): number {
    return Math.floor(this.#remaining / this.#cost) - unanswered
  }

  /**
   * Milliseconds to the call after this one, while little is left: as long as spreads the rest over the time to the reset. 0 where all
   * who are expected until then find room.
   * @param calls how many have come in all.
   */
  spacingMs(now: number, unanswered: number, waiting: number, calls: number): number {
    const { limit, resetAt } = this.#report
    if (limit === null || resetAt === null || this.#remaining >= LOW_SHARE * limit) return 0
    const restMs = Math.max(0, resetAt - now)
    const credit = Math.max(0, this.credit(unanswered))
    const perMs = (calls - this.#callsBefore) / Math.max(1_000, now - this.#since)
    return waiting + perMs * restMs <= credit ? 0 : restMs / (credit + 1)
  }

  #learnCost(remaining: number): void {
    const each = (this.#remaining - remaining) / this.#answersSince
    if (each > 0) this.#cost = this.#cost === 1 ? Math.max(1, each) : Math.max(1, 0.8 * this.#cost + 0.2 * each)
  }
}
