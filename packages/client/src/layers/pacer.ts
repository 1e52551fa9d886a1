import type { Stop } from '../call/stop.js'
import type { RateLimitReport, RemoteLimit } from '../parse/remote-limit.js'
import { announcedMs } from './backoff.js'
import { KnownLimit } from './known-limit.js'

/** Calls that are sent to a key before its first answer: limits are not known yet. */
const FIRST_CALLS = 10
/** A first call that takes longer, such as one that streams, holds the others no more. */
const FIRST_ANSWER_MS = 1_000
/** Names of limits that are kept of one key. */
const MOST_LIMITS = 100
/** The share of a gate's wait over which those are spread that waited. */
const SPREAD = 0.1
const LONGEST_TIMER_MS = 2 ** 31 - 1

/** A call that was sent: it has to be answered, once. */
export interface Sent {
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

/**
 * When the next call to a key is sent: not through a closed gate, and no faster than its limits let through, as far as responses
 * tell. Those who wait are let in one by one, in the order in which they came.
 */
export class Pacer {
  readonly #terms: PacerTerms
  readonly #line: Waiter[] = []
  readonly #limits = new Map<string, KnownLimit>()
  /** Calls that have come. */
  #calls = 0
  /** Calls without an answer. */
  #unanswered = 0
  /** Answers so far. */
  #answers = 0
  /** Calls that may be without an answer until one is, that was sent after so many answers: at the beginning, and after a wait. */
  #window: number
  #windowAfter = 0
  #windowSince = 0
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

  get unanswered(): number {
    return this.#unanswered
  }

  /** Until when the gate is closed, in Unix milliseconds; in the past while it is open. */
  get closedUntil(): number {
    return this.#closedUntil
  }

  get limits(): readonly RemoteLimit[] {
    return Array.from(this.#limits.values(), ({ report }) => report)
  }

  /**
   * Waits for its turn.
   * @param latestAt when the call has to have been sent: where that cannot be, it is refused at once.
   * @param refused makes the error to reject with.
   */
  enter(
    arrival: number,
    latestAt: number,
    stop: Stop,
    refused: (retryAt: number, limit: RemoteLimit | undefined) => Error,
  ): Sent | Promise<Sent> {
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

  get isClosed(): boolean {
    return this.#closedUntil > Date.now()
  }

  /** A call that had its turn was not sent. */
  leave(): void {
    this.#unanswered -= 1
    this.#advance()
  }

  /** Nobody knows what became of a call: it was aborted, or its connection failed. */
  lost({ after }: Sent): void {
    this.#answered(after)
    for (const limit of this.#limits.values()) limit.noteLost()
    this.#advance()
  }

  /** A response has arrived. Returns until when it closed the gate, if it did. */
  answered({ after }: Sent, status: number | undefined, report: RateLimitReport): number | undefined {
    const answer = this.#answered(after)
    const until = this.#terms.gate ? this.#close(status, report) : undefined
    if (this.#terms.pacing) for (const limit of report.limits) this.#note(limit, after, answer)
    if (this.#line.length > 0) this.#advance()
    return until
  }

  #answered(after: number): number {
    this.#unanswered -= 1
    this.#answers += 1
    if (after >= this.#windowAfter) this.#window = Number.POSITIVE_INFINITY
    return this.#answers
  }

  #close(status: number | undefined, { retryAt }: RateLimitReport): number | undefined {
    const now = Date.now()
    if (retryAt === null || retryAt <= now || (status !== 429 && status !== 503)) return undefined
    const until = now + announcedMs(retryAt - now)
    if (until <= this.#closedUntil) return undefined
    this.#closedUntil = until
    this.#gateMs = until - now
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

  #note(report: RemoteLimit, after: number, answer: number): void {
    const { name, remaining, unit, resetAt } = report
    // Slots come back when calls end, and no header says when.
    if (remaining === null || unit === 'concurrent-requests') return
    const known = this.#limits.get(name)
    if (known !== undefined) known.note(report, remaining, after, answer)
    else {
      if (this.#limits.size >= MOST_LIMITS) this.#limits.clear()
      this.#limits.set(name, new KnownLimit(report, remaining, answer, this.#calls, Date.now()))
    }
    if (remaining === 0 && resetAt !== null && this.#line.length > 0) this.#refuseLate(resetAt, report)
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
        if (waitMs !== Number.POSITIVE_INFINITY) {
          this.#timer = setTimeout(() => this.#advance(), Math.min(Math.ceil(waitMs), LONGEST_TIMER_MS))
        }
        return
      }
      this.#line.shift()
      first.enter(this.#send(now))
    }
    this.#toSpread = 0
  }

  #send(now: number): Sent {
    if (this.#unanswered === 0 && this.#answers === 0) this.#windowSince = now
    const sent = { after: this.#answers }
    this.#unanswered += 1
    let spacingMs = this.#toSpread > 0 ? this.#gapMs : 0
    if (this.#toSpread > 0) this.#toSpread -= 1
    for (const limit of this.#limits.values()) {
      spacingMs = Math.max(spacingMs, limit.spacingMs(now, this.#unanswered, this.#line.length, this.#calls))
    }
    this.#nextAt = now + spacingMs
    return sent
  }

  /** 0: now; infinity: when an answer has arrived. */
  #waitMs(now: number, latestAt: number): number {
    this.#renew(now)
    const obstacle = this.#obstacleAt(now)
    if (obstacle !== undefined) return obstacle.until - now
    for (const limit of this.#limits.values()) {
      // Those without an answer may use all of it.
      if (limit.credit(this.#unanswered) <= 0)
        return limit.resetAt === null ? Number.POSITIVE_INFINITY : limit.resetAt - now
    }
    if (this.#unanswered >= this.#window) {
      const waitMs = this.#windowSince + FIRST_ANSWER_MS - now
      if (waitMs > 0) return waitMs
      this.#window = Number.POSITIVE_INFINITY
    }
    // To be spread is for the others' good: nobody fails for it.
    return this.#nextAt > now && this.#nextAt <= latestAt ? this.#nextAt - now : 0
  }

  /** What certainly holds every call, and until when. */
  #obstacleAt(now: number): { readonly until: number; readonly limit: RemoteLimit | undefined } | undefined {
    let until = this.#closedUntil
    let tightest: RemoteLimit | undefined
    for (const limit of this.#limits.values()) {
      const { resetAt } = limit
      if (resetAt === null || resetAt <= until || limit.credit(0) > 0) continue
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
      const isUsedUp = limit.credit(this.#unanswered) <= 0
      const isOver = limit.resetAt === null ? this.#unanswered === 0 : limit.resetAt <= now
      if (!isUsedUp || !isOver) continue
      this.#limits.delete(name)
      this.#probe(now)
    }
  }

  #probe(now: number): void {
    if (!this.#terms.pacing) return
    this.#window = this.#unanswered + 1
    this.#windowAfter = this.#answers
    this.#windowSince = now
  }
}
