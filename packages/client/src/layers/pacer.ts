import { LONGEST_TIMER_MS } from '@sluice/core/runtime'
import type { Stop } from '../call/stop.js'
import type { Verdict } from '../call/verdict.js'
import type { RateLimitReport, RemoteLimit } from '../parse/remote-limit.js'
import { Gate } from './gate.js'
import { KnownLimit } from './known-limit.js'
import { Routes } from './routes.js'

/** Calls that are sent to a key before its first answer: limits are not known yet. */
const FIRST_CALLS = 10
/** An answer that takes longer, such as that of a call that streams, is not waited for any more; at most twice as long as others took. */
const PATIENCE_MS = 1_000
/** Names of limits that are kept of one key. */
const MOST_LIMITS = 100
/** Calls behind the first that are looked at for one of another route that may go. */
const MOST_PASSED = 100

/** A call that wants to be sent. */
export interface PacedCall {
  /** Whoever began first has the smaller number, also with a second attempt. */
  readonly arrival: number
  /** What limits may hold for alone; `undefined` where that is not known. */
  readonly route: string | undefined
  /** When it has to have been sent. */
  readonly deadlineAt: number
  /** The longest wait that may be announced to it. */
  readonly maxWaitMs: number
}

/** A call that was sent: it has to be answered, lost or left, once. */
export interface Sent {
  readonly at: number
  readonly route: string | undefined
  /** How many answers had arrived by then. */
  readonly after: number
}

interface Waiter {
  readonly call: PacedCall
  readonly enter: (sent: Sent) => void
  readonly refuse: (obstacle: Obstacle) => void
}

/** What certainly holds a call, and until when. */
interface Obstacle {
  readonly until: number
  readonly limit: RemoteLimit | undefined
}

export interface PacerTerms {
  readonly gate: boolean
  readonly pacing: boolean
}

/** Makes the error of a call that cannot wait until then, and has waited for so long. */
export type Refused = (retryAt: number, limit: RemoteLimit | undefined, waitedMs: number) => Error

/** What an answer says. */
type Answer = Pick<Verdict, 'status' | 'isRate' | 'report'>

/**
 * When the next call to a key is sent: not through a closed gate, and no faster than its limits let through, as far as responses
 * tell. Those who wait are let in one by one, in the order in which they came.
 */
export class Pacer {
  readonly #terms: PacerTerms
  readonly #line: Waiter[] = []
  readonly #limits = new Map<string, KnownLimit>()
  readonly #routes = new Routes()
  readonly #gate = new Gate(this.#routes)
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
    return this.#gate.closedUntil
  }

  /** Whether calls of a route have to wait, also those that have had their turn and were not sent yet. */
  isClosedFor(route: string | undefined): boolean {
    const now = Date.now()
    if (this.#gate.closedFor(route) > now) return true
    return this.#routes.knows(route) && this.#obstacleFor(route, now) !== undefined
  }

  /** Whether something is known that calls have to wait for. */
  get isHolding(): boolean {
    const now = Date.now()
    if (this.#gate.closedFor(undefined) > now) return true
    return Array.from(this.#limits.values()).some(({ closedUntil }) => closedUntil > now)
  }

  get limits(): readonly RemoteLimit[] {
    return Array.from(this.#limits.values(), ({ report }) => report)
  }

  /** Waits for its turn. Where a wait is announced that is too long for it, it is refused at once. */
  enter(call: PacedCall, stop: Stop, refused: Refused): Sent | Promise<Sent> {
    const now = Date.now()
    this.#calls += 1
    const isNext = this.#line.length === 0 || this.#mayScout(call.route)
    if (isNext && this.#waitMs(now, call) === 0) return this.#send(now, call.route)
    const obstacle = this.#obstacleFor(call.route, now)
    if (obstacle !== undefined && isTooLong(obstacle.until, now, call)) throw refused(obstacle.until, obstacle.limit, 0)
    return new Promise((resolve, reject) => {
      const aborted = (): void => {
        this.#line.splice(this.#line.indexOf(waiter), 1)
        reject(stop.reason)
        this.#advance()
      }
      const waiter: Waiter = {
        call,
        enter(sent) {
          stop.removeEventListener('abort', aborted)
          resolve(sent)
        },
        refuse({ until, limit }) {
          stop.removeEventListener('abort', aborted)
          reject(refused(until, limit, Date.now() - now))
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
    for (const [name, limit] of this.#limits) if (this.#routes.holds(name, sent.route)) limit.noteLost()
    this.#advance()
  }

  /** A response has arrived. Returns until when it holds calls, if it says so. */
  answered(sent: Sent, answer: Answer): number | undefined {
    const now = Date.now()
    const { report } = answer
    const number = this.#answered(sent)
    this.#slowestMs = Math.max(now - sent.at, 0.9 * this.#slowestMs)
    if (this.#terms.pacing) {
      const isOwn = (answer.status ?? 200) < 300 || report.limits.length > 0
      if (sent.route !== undefined && isOwn) this.#routes.note(sent.route, report.limits)
      if (this.#limits.size > 0) this.#forget(report, sent)
      for (const limit of report.limits) this.#note(limit, sent, number, now)
    }
    const until = this.#terms.gate ? this.#close(answer, sent, now) : undefined
    if (this.#line.length > 0) {
      this.#refuseLate(now)
      this.#advance()
    }
    return until
  }

  #answered(sent: Sent): number {
    this.#unanswered.delete(sent)
    this.#answers += 1
    if (sent.after >= this.#windowAfter) this.#window = Number.POSITIVE_INFINITY
    return this.#answers
  }

  #close({ status, isRate, report }: Answer, sent: Sent, now: number): number | undefined {
    if (!isRate && status !== 503) {
      this.#gate.noteSuccess()
      return undefined
    }
    const { retryAt, limits } = report
    if (retryAt !== null && retryAt > now) return this.#gate.hold(retryAt, this.#ownLimits(limits), now)
    const isTold = limits.some(({ remaining, resetAt }) => remaining === 0 && resetAt !== null && resetAt > now)
    if (isRate && !isTold) this.#gate.holdUntold(sent.at, now)
    return undefined
  }

  /** The limits that are used up, where none of them is known to hold for all routes: a denial by them does not hold the others. */
  #ownLimits(limits: readonly RemoteLimit[]): readonly string[] {
    const names = limits.filter(({ remaining }) => remaining === 0).map(({ name }) => name)
    return names.some((name) => this.#routes.isEverywhere(name)) ? [] : names
  }

  /** Those who cannot wait for so long need not wait at all. */
  #refuseLate(now: number): void {
    for (const waiter of [...this.#line]) {
      const obstacle = this.#obstacleFor(waiter.call.route, now)
      if (obstacle === undefined || !isTooLong(obstacle.until, now, waiter.call)) continue
      this.#line.splice(this.#line.indexOf(waiter), 1)
      waiter.refuse(obstacle)
    }
  }

  /** A limit without a reset that is not reported any more does not hold for what is called now. */
  #forget({ limits }: RateLimitReport, { after, route }: Sent): void {
    for (const [name, known] of this.#limits) {
      if (known.resetAt !== null || !known.isOlderThan(after) || !this.#routes.holds(name, route)) continue
      if (!limits.some((limit) => limit.name === name)) this.#limits.delete(name)
    }
  }

  #note(limit: RemoteLimit, { at: sentAt, after: sentAfter }: Sent, answer: number, now: number): void {
    const { name, remaining, unit } = limit
    // Slots come back when calls end, and no header says when.
    if (remaining === null || unit === 'concurrent-requests') return
    const noted = { limit, remaining, sentAfter, answer, sentAt, now }
    const known = this.#limits.get(name)
    if (known !== undefined) known.note(noted)
    else {
      if (this.#limits.size >= MOST_LIMITS) this.#limits.clear()
      this.#limits.set(name, new KnownLimit(noted, this.#calls))
    }
  }

  #insert(waiter: Waiter): void {
    let at = this.#line.length
    while (at > 0 && (this.#line[at - 1]?.call.arrival ?? 0) > waiter.call.arrival) at -= 1
    this.#line.splice(at, 0, waiter)
  }

  /** Lets in whoever may go now, and comes back when the next may. */
  #advance(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    let soonestMs = Number.POSITIVE_INFINITY
    for (let at = 0; at < this.#line.length && at < MOST_PASSED; ) {
      const waiter = this.#line[at] as Waiter
      const now = Date.now()
      const waitMs = this.#waitMs(now, waiter.call)
      if (waitMs === 0) {
        this.#line.splice(at, 1)
        waiter.enter(this.#send(now, waiter.call.route))
        continue
      }
      soonestMs = Math.min(soonestMs, waitMs)
      // Behind it, only calls of other routes can have anything else to wait for.
      if (this.#gate.closedUntil > now || this.#routes.areAlike) break
      at += 1
    }
    if (this.#line.length === 0) this.#toSpread = 0
    else this.#timer = setTimeout(() => this.#advance(), Math.min(Math.ceil(soonestMs), LONGEST_TIMER_MS))
  }

  #send(now: number, route: string | undefined): Sent {
    const sent = { at: now, route, after: this.#answers }
    this.#unanswered.add(sent)
    this.#lastSentAt = now
    this.#nextAt = this.#toSpread > 0 ? now + this.#gapMs : now
    if (this.#toSpread > 0) this.#toSpread -= 1
    for (const [name, limit] of this.#limits) {
      if (!this.#routes.holds(name, route)) continue
      const unanswered = this.#unansweredFor(name, limit)
      limit.lastSentAt = now
      limit.nextAt = now + limit.spacingMs(now, unanswered, this.#line.length, this.#calls)
    }
    return sent
  }

  #waitMs(now: number, { route, deadlineAt, maxWaitMs }: PacedCall): number {
    this.#renew(now)
    const obstacle = this.#obstacleFor(route, now)
    if (obstacle !== undefined) return obstacle.until - now
    const answerBy = this.#answerBy(route)
    if (answerBy > now) return answerBy - now
    if (this.#unanswered.size >= this.#window) this.#window = Number.POSITIVE_INFINITY
    let nextAt = this.#nextAt
    for (const [name, limit] of this.#limits)
      if (this.#routes.holds(name, route)) nextAt = Math.max(nextAt, limit.nextAt)
    // To be spread is for the others' good: it takes no more than half of the time that is left.
    const spreadMs = nextAt - now
    return spreadMs > 0 && spreadMs <= Math.min(maxWaitMs, deadlineAt - now) / 2 ? spreadMs : 0
  }

  /** Until when an answer is waited for, where calls without one may leave no room for another; 0 where they do. */
  #answerBy(route: string | undefined): number {
    if (this.#unanswered.size === 0) return 0
    const patienceMs = Math.max(PATIENCE_MS, 2 * this.#slowestMs)
    let by = this.#unanswered.size >= this.#window ? this.#lastSentAt + patienceMs : 0
    for (const [name, limit] of this.#limits) {
      if (!this.#routes.holds(name, route)) continue
      const unanswered = this.#unansweredFor(name, limit)
      if (unanswered > 0 && limit.credit(unanswered) <= 0) by = Math.max(by, limit.lastSentAt + patienceMs)
    }
    return by
  }

  /** Those that the last report of a limit does not count yet. */
  #unansweredFor(name: string, limit: KnownLimit): number {
    const before = limit.sentAt - PATIENCE_MS
    const isEverywhere = this.#routes.isEverywhere(name)
    let counted = 0
    for (const { at, route } of this.#unanswered) {
      // The oldest stand first.
      if (at <= before) counted += 1
      else if (isEverywhere) break
      else if (!this.#routes.holds(name, route)) counted += 1
    }
    return this.#unanswered.size - counted
  }

  #obstacleFor(route: string | undefined, now: number): Obstacle | undefined {
    let until = this.#gate.closedFor(route)
    let limit: RemoteLimit | undefined
    for (const [name, known] of this.#limits) {
      if (known.closedUntil <= until || !this.#routes.holds(name, route) || this.#mayScout(route)) continue
      until = known.closedUntil
      limit = known.report
    }
    return until > now ? { until, limit } : undefined
  }

  /** While one route alone is known, nobody can tell its limits from those of all: a call of another one finds out. */
  #mayScout(route: string | undefined): boolean {
    return (
      route !== undefined && this.#routes.limited === 1 && !this.#routes.knows(route) && this.#unanswered.size === 0
    )
  }

  /** Once a wait is over, one call goes ahead and finds out how much there is. */
  #renew(now: number): void {
    const opening = this.#gate.open(now)
    if (opening !== undefined) {
      // The first one goes alone, and the others in turn after it.
      this.#toSpread = Math.max(0, this.#line.length - 1)
      this.#gapMs = opening.spreadMs / Math.max(1, this.#line.length)
      this.#nextAt = Math.max(this.#nextAt, opening.opensAt)
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

function isTooLong(until: number, now: number, { deadlineAt, maxWaitMs }: PacedCall): boolean {
  return until > deadlineAt || until - now > maxWaitMs
}
