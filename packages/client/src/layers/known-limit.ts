import type { RemoteLimit } from '../parse/remote-limit.js'

/** Below this share of what is left, calls are spread over the time to the reset. */
const LOW_SHARE = 0.1
/** Fewer calls say nothing about how many are still to come. */
const FEWEST_CALLS = 10

/**
 * What is known of one limit of a server, from the reports of responses that may arrive in any order: whether it is used up, and how
 * many more calls can be sent before one could be denied.
 */
export class KnownLimit {
  #report: RemoteLimit
  /** The smallest remainder of the newest reports: those of calls that were sent before another report had arrived. */
  #remaining: number
  /** The number of the answer that it was set by, and when the latest of the calls was sent that have set it. */
  #answer: number
  #sentAt: number
  /** The earliest time for the next call, while calls are spread; and when the last one was sent that it holds for. */
  nextAt = 0
  lastSentAt = 0
  /** Calls since then that may have been counted although nobody knows. */
  #lost = 0
  /** Units that a call takes, as far as reports tell; 1 where requests are counted. */
  #cost = 1
  #answersSince = 0
  /** How many calls had come when it was first reported, and when that was. */
  readonly #callsBefore: number
  readonly #since: number

  constructor(report: Noted, callsBefore: number) {
    this.#report = report.limit
    this.#remaining = report.remaining
    this.#answer = report.answer
    this.#sentAt = report.sentAt
    this.#callsBefore = callsBefore
    this.#since = report.now
  }

  get report(): RemoteLimit {
    return this.#report
  }

  get resetAt(): number | null {
    return this.#report.resetAt
  }

  /** Until when it certainly lets nothing through; 0 where it may. */
  get closedUntil(): number {
    return this.#remaining <= 0 ? (this.#report.resetAt ?? 0) : 0
  }

  /** When the call was sent that reported last: calls from long before it are counted in its report. */
  get sentAt(): number {
    return this.#sentAt
  }

  /** Whether a call that was sent after so many answers knew of this report. */
  isOlderThan(sentAfter: number): boolean {
    return sentAfter >= this.#answer
  }

  note({ limit, remaining, sentAfter, answer, sentAt }: Noted): void {
    this.#answersSince += 1
    const isNewer = this.isOlderThan(sentAfter)
    if (!isNewer && remaining > this.#remaining) return
    if (limit.unit !== 'requests') this.#learnCost(remaining)
    this.#report = limit
    this.#remaining = remaining
    // A call that was sent before this answer had arrived may have been counted before it: its report does not raise what is left.
    this.#answer = answer
    this.#sentAt = Math.max(this.#sentAt, sentAt)
    if (!isNewer) return
    this.#answersSince = 0
    this.#lost = 0
  }

  noteLost(): void {
    this.#lost += 1
  }

  /** Calls that can still be sent: those without an answer yet may have been counted or not. */
  credit(unanswered: number): number {
    return Math.floor(this.#remaining / this.#cost) - this.#lost - unanswered
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
    // With no room for certain, it is the calls under way that are waited for; they may turn out to be counted already.
    const credit = Math.max(1, this.credit(unanswered))
    const seen = calls - this.#callsBefore
    const perMs = seen < FEWEST_CALLS ? 0 : seen / Math.max(1_000, now - this.#since)
    return waiting + perMs * restMs <= credit ? 0 : restMs / (credit + 1)
  }

  #learnCost(remaining: number): void {
    const each = (this.#remaining - remaining) / this.#answersSince
    if (each > 0) this.#cost = this.#cost === 1 ? Math.max(1, each) : Math.max(1, 0.8 * this.#cost + 0.2 * each)
  }
}

/** A report, and the call that brought it. */
export interface Noted {
  readonly limit: RemoteLimit
  readonly remaining: number
  /** How many answers had arrived when the call was sent, and the number of its own. */
  readonly sentAfter: number
  readonly answer: number
  readonly sentAt: number
  readonly now: number
}
