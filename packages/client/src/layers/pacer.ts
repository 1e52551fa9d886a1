import type { Stop } from '../call/stop.js'
import type { RateLimitReport, RemoteLimit } from '../parse/remote-limit.js'
import { KnownLimit } from './known-limit.js'

/** Calls that are sent to a key before its first answer: limits are not known yet. */
const FIRST_CALLS = 10
/** An answer that takes longer, such as that of a call that streams, is not waited for any more; at most twice as long as others took. */
const PATIENCE_MS = 1_000
/** Names of limits that are kept of one key. */
const MOST_LIMITS = 100
/** The share of a gate's wait over which those are spread that waited. */
const SPREAD = 0.1
/** A server that says longer is asked again after a day: it may have been a mistake. */
const LONGEST_GATE_MS = 86_400_000
const LONGEST_TIMER_MS = 2 ** 31 - 1

/** A call that was sent: it has to be answered, lost or left, once. */
export interface Sent {
  readonly at: number
  /** How many answers had arrived by then. */
  readonly after: number
}

interface Waiter {
  /** Whoever began first has the smaller number, also with a second attempt. */
  readonly arrival: number
  /** When its call has to have been sent. */
  readonly latestAt: number
  readonly enter: (sent: Sent) => void
  readonly refuse: (retryAt: number, limit: RemoteLimit | undefined) => void
}

export interface PacerTerms {
  readonly gate: boolean
  readonly pacing: boolean
}

/** Makes the error of a call that cannot wait until then. */
export type Refused = (retryAt: number, limit: RemoteLimit | undefined) => Error

/**
 * When the next call to a key is sent: not through a closed gate, and no faster than its limits let through, as far as responses
 * tell. Those who wait are let in one by one, in the order in which they came.
 */
export class Pacer {
  readonly #terms: PacerTerms
  readonly #line: Waiter[] = []
  readonly #limits = new Map<string, KnownLimit>()
  /** Calls without an answer, the oldest first. */
  readonly #unanswered = new Set<Sent>()
  /** Calls that have come, and answers, so far. */
  #calls = 0
  #answers = 0
  /** Calls that may be without an answer until one is, that was sent after so many answers: at the beginning, and after a wait. */
  #window: number
  #windowAfter = 0
  #lastSentAt = 0
  #slowestMs = 0
  #closedUntil = 0
  #gateMs = 0
  /** The earliest time for the next call, while calls are spread. */
  #nextAt = 0
  /** Those that waited at the gate, and the milliseconds between them. */
  #toSpread = 0
  #gapMs = 0
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(terms: PacerTerms) {
    this.#terms = terms
    this.#window = terms.pacing ? FIRST_CALLS : Number.POSITIVE_INFINITY
  }

  get waiting(): number {
    return this.#line.length
  }

  /** Until when the gate is closed, in Unix milliseconds; in the past while it is open. */
  get closedUntil(): number {
    return this.#closedUntil
  }

  get isClosed(): boolean {
    return this.#closedUntil > Date.now()
  }

  /** Whether something is known that calls have to wait for. */
  get isHolding(): boolean {
    return this.#obstacleAt(Date.now()) !== undefined
  }

  get limits(): readonly RemoteLimit[] {
    return Array.from(this.#limits.values(), ({ report }) => report)
  }

  /**
   * Waits for its turn.
   * @param latestAt when the call has to have been sent: where that cannot be, it is refused at once.
   */
  enter(arrival: number, latestAt: number, stop: Stop, refused: Refused): Sent | Promise<Sent> {
    const now = Date.now()
    this.#calls += 1
    if (this.#line.length === 0 && this.#waitMs(now, latestAt) === 0) return this.#send(now)
    const obstacle = this.#obstacleAt(now)
    if (obstacle !== undefined && obstacle.until > latestAt) throw refused(obstacle.until, obstacle.limit)
    return new Promise((resolve, reject) => {
      const aborted = (): void => {
        this.#line.splice(this.#line.indexOf(waiter), 1)
        reject(stop.reason)
        this.#advance()
      }
      const waiter: Waiter = {
        arrival,
        latestAt,
        enter(sent) {
          stop.removeEventListener('abort', aborted)
          resolve(sent)
        },
        refuse(retryAt, limit) {
          stop.removeEventListener('abort', aborted)
          reject(refused(retryAt, limit))
        },
      }
      stop.addEventListener('abort', aborted)
      this.#insert(waiter)
      this.#advance()
    })
  }

  /** A call that had its turn was not sent. */
  leave(sent: Sent): void {
    this.#unanswered.delete(sent)
    this.#advance()
  }

  /** Nobody knows what became of a call: it was aborted, or its connection failed. */
  lost(sent: Sent): void {
    this.#answered(sent)
    for (const limit of this.#limits.values()) limit.noteLost()
    this.#advance()
  }

  /** A response has arrived. Returns until when it closed the gate, if it did. */
  answered(sent: Sent, status: number | undefined, report: RateLimitReport): number | undefined {
    const now = Date.now()
    const answer = this.#answered(sent)
    const until = this.#terms.gate ? this.#close(status, report, now) : undefined
    if (this.#terms.pacing) {
      if (this.#limits.size > 0) this.#forget(report, sent)
      for (const limit of report.limits) this.#note(limit, sent, answer, now)
    }
    if (this.#line.length > 0) this.#advance()
    return until
  }

  #answered(sent: Sent): number {
    this.#unanswered.delete(sent)
    this.#answers += 1
    this.#slowestMs = Math.max(Date.now() - sent.at, 0.9 * this.#slowestMs)
    if (sent.after >= this.#windowAfter) this.#window = Number.POSITIVE_INFINITY
    return this.#answers
  }

  #close(status: number | undefined, { retryAt }: RateLimitReport, now: number): number | undefined {
    if (retryAt === null || retryAt <= now || (status !== 429 && status !== 503)) return undefined
    const until = Math.min(retryAt, now + LONGEST_GATE_MS)
    if (until <= this.#closedUntil) return undefined
    this.#closedUntil = until
    this.#gateMs = until - now
    // Not all clients of a server come back at the same moment.
    this.#nextAt = until + Math.random() * SPREAD * this.#gateMs
    this.#refuseLate(until, undefined)
    return until
  }

  /** Those who cannot wait for so long need not wait at all. */
  #refuseLate(until: number, limit: RemoteLimit | undefined): void {
    for (const waiter of this.#line.filter(({ latestAt }) => latestAt < until)) {
      this.#line.splice(this.#line.indexOf(waiter), 1)
      waiter.refuse(until, limit)
    }
  }

  /** A limit without a reset that is not reported any more does not hold for what is called now. */
  #forget({ limits }: RateLimitReport, { after }: Sent): void {
    for (const [name, known] of this.#limits) {
      if (known.resetAt !== null || !known.isOlderThan(after)) continue
      if (!limits.some((limit) => limit.name === name)) this.#limits.delete(name)
    }
  }

  #note(limit: RemoteLimit, { at: sentAt, after: sentAfter }: Sent, answer: number, now: number): void {
    const { name, remaining, unit, resetAt } = limit
    // Slots come back when calls end, and no header says when.
    if (remaining === null || unit === 'concurrent-requests') return
    const noted = { limit, remaining, sentAfter, answer, sentAt, now }
    const known = this.#limits.get(name)
    if (known !== undefined) known.note(noted)
    else {
      if (this.#limits.size >= MOST_LIMITS) this.#limits.clear()
      this.#limits.set(name, new KnownLimit(noted, this.#calls))
    }
    if (remaining === 0 && resetAt !== null && this.#line.length > 0) this.#refuseLate(resetAt, limit)
  }

  #insert(waiter: Waiter): void {
    let at = this.#line.length
    while (at > 0 && (this.#line[at - 1]?.arrival ?? 0) > waiter.arrival) at -= 1
    this.#line.splice(at, 0, waiter)
  }

  /** Lets in whoever may go now, and comes back when the next may. */
  #advance(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    for (let first = this.#line[0]; first !== undefined; first = this.#line[0]) {
      const now = Date.now()
      const waitMs = this.#waitMs(now, first.latestAt)
      if (waitMs > 0) {
        this.#timer = setTimeout(() => this.#advance(), Math.min(Math.ceil(waitMs), LONGEST_TIMER_MS))
        return
      }
      this.#line.shift()
      first.enter(this.#send(now))
    }
    this.#toSpread = 0
  }

  #send(now: number): Sent {
    const sent = { at: now, after: this.#answers }
    this.#unanswered.add(sent)
    this.#lastSentAt = now
    let spacingMs = this.#toSpread > 0 ? this.#gapMs : 0
    if (this.#toSpread > 0) this.#toSpread -= 1
    for (const limit of this.#limits.values()) {
      const unanswered = this.#unansweredFor(limit)
      spacingMs = Math.max(spacingMs, limit.spacingMs(now, unanswered, this.#line.length, this.#calls))
    }
    this.#nextAt = now + spacingMs
    return sent
  }

  #waitMs(now: number, latestAt: number): number {
    this.#renew(now)
    const obstacle = this.#obstacleAt(now)
    if (obstacle !== undefined) return obstacle.until - now
    if (this.#awaitsAnswer()) {
      const waitMs = this.#lastSentAt + Math.max(PATIENCE_MS, 2 * this.#slowestMs) - now
      if (waitMs > 0) return waitMs
      this.#window = Number.POSITIVE_INFINITY
    }
    // To be spread is for the others' good: it takes no more than half of the time that is left.
    const spreadMs = this.#nextAt - now
    return spreadMs > 0 && spreadMs <= (latestAt - now) / 2 ? spreadMs : 0
  }

  /** Whether calls without an answer may leave no room for another one. */
  #awaitsAnswer(): boolean {
    if (this.#unanswered.size === 0) return false
    if (this.#unanswered.size >= this.#window) return true
    for (const limit of this.#limits.values()) {
      const unanswered = this.#unansweredFor(limit)
      if (unanswered > 0 && limit.credit(unanswered) <= 0) return true
    }
    return false
  }

  /** Those that the last report does not count yet. */
  #unansweredFor(limit: KnownLimit): number {
    const before = limit.sentAt - PATIENCE_MS
    let counted = 0
    for (const { at } of this.#unanswered) {
      if (at > before) break
      counted += 1
    }
    return this.#unanswered.size - counted
  }

  /** What certainly holds every call, and until when. */
  #obstacleAt(now: number): { readonly until: number; readonly limit: RemoteLimit | undefined } | undefined {
    let until = this.#closedUntil
    let tightest: RemoteLimit | undefined
    for (const limit of this.#limits.values()) {
      const { resetAt } = limit
      if (resetAt === null || resetAt <= until || !limit.isUsedUp) continue
      until = resetAt
      tightest = limit.report
    }
    return until > now ? { until, limit: tightest } : undefined
  }

  /** Once a wait is over, one call goes ahead and finds out how much there is. */
  #renew(now: number): void {
    if (this.#closedUntil !== 0 && this.#closedUntil <= now) {
      this.#closedUntil = 0
      this.#toSpread = this.#line.length
      this.#gapMs = (SPREAD * this.#gateMs) / Math.max(1, this.#toSpread)
      this.#probe(now)
    }
    for (const [name, limit] of this.#limits) {
      const isReset = limit.resetAt === null ? this.#unanswered.size === 0 : limit.resetAt <= now
      if (!isReset || limit.credit(this.#unanswered.size) > 0) continue
      this.#limits.delete(name)
      this.#probe(now)
    }
  }

  #probe(now: number): void {
    if (!this.#terms.pacing) return
    this.#window = this.#unanswered.size + 1
    this.#windowAfter = this.#answers
    this.#lastSentAt = now
  }
}
