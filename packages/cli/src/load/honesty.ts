import type { Exchange } from './exchange.js'
import type { AnnouncedLimit } from './load-tally.js'

/** What a header said that was not so. */
export type Dishonesty =
  | 'no-retry-after'
  | 'retry-after-too-short'
  | 'retry-after-too-long'
  | 'retry-after-before-reset'
  | 'remaining-but-denied'
  | 'nothing-remaining-but-allowed'
  | 'remaining-above-limit'
  | 'more-admitted-than-announced'

/** Servers that give units back, delay or only count do these too, honestly. */
export const POSSIBLE: readonly Dishonesty[] = ['nothing-remaining-but-allowed', 'more-admitted-than-announced']

export interface Finding {
  readonly kind: Dishonesty
  readonly count: number
  /** Whether no honest server does it. */
  readonly isCertain: boolean
  /** The first of them, in a sentence. */
  readonly example: string
}

/** Whole seconds may be rounded up by one, and clocks and networks differ by a little. */
const TOLERANCE_MS = 1_250

/** Checks the headers of one key's responses against what happened next. */
export class HonestyCheck {
  readonly #counts = new Map<Dishonesty, { count: number; readonly example: string }>()
  readonly #last = new Map<string, Exchange>()
  /** What a key's first response said was used, by key and limit: a request costs no more. */
  readonly #mostCost = new Map<string, number>()

  /**
   * @param key Whose quota the request used.
   * @param isAlone Whether no other request of that key was under way since the one before was sent.
   */
  note(key: string, exchange: Exchange, isAlone: boolean): void {
    if (exchange.status === 0) return
    const before = this.#last.get(key)
    this.#last.set(key, exchange)
    this.#checkAlone(exchange)
    for (const { name, limit, remaining } of exchange.report.limits) {
      const id = `${key} ${name}`
      if (limit !== null && remaining !== null && !this.#mostCost.has(id)) this.#mostCost.set(id, limit - remaining)
    }
    if (before !== undefined && isAlone) this.#checkPair(key, before, exchange)
  }

  get findings(): readonly Finding[] {
    return [...this.#counts].map(([kind, { count, example }]) => ({
      kind,
      count,
      example,
      isCertain: !POSSIBLE.includes(kind),
    }))
  }

  /** Compares what was admitted in all with what was announced. */
  end(limits: readonly AnnouncedLimit[]): void {
    for (const { name, quota, mostAdmitted } of limits) {
      // No algorithm lets more than twice a quota pass in a window, unless a burst is larger.
      if (mostAdmitted === null || mostAdmitted <= 2 * quota) continue
      this.#add(
        'more-admitted-than-announced',
        `"${name}" announced ${quota}, and ${mostAdmitted} were admitted in a window`,
      )
    }
  }

  #checkAlone({ status, report, retryAt, endedAt, headers }: Exchange): void {
    const isDenied = status === 429
    if (isDenied && retryAt === undefined) this.#add('no-retry-after', 'a 429 had no Retry-After')
    for (const { name, limit, remaining } of report.limits) {
      if (limit !== null && remaining !== null && remaining > limit) {
        this.#add('remaining-above-limit', `"${name}" reported ${remaining} remaining of ${limit}`)
      }
    }
    const exhausted = report.limits.filter(({ remaining, resetAt }) => remaining === 0 && resetAt !== null)
    if (!isDenied || retryAt === undefined || exhausted.length === 0 || report.retryAt === null) return
    const reset = Math.min(...exhausted.map(({ resetAt }) => resetAt ?? 0))
    if (report.retryAt < reset - TOLERANCE_MS) {
      const seconds = Math.round((reset - report.retryAt) / 1_000)
      this.#add(
        'retry-after-before-reset',
        `Retry-After: ${headers['retry-after']} ends ${seconds} s before the reported reset (${Math.round(endedAt)} ms)`,
      )
    }
  }

  /** What the response before said, and what the next request met: nothing else used the key's quota in between. */
  #checkPair(key: string, before: Exchange, exchange: Exchange): void {
    const isDenied = exchange.status === 429
    if (before.status === 429) {
      const { retryAt } = before
      if (retryAt === undefined) return
      const lateMs = exchange.sentAt - retryAt
      if (isDenied && lateMs > 0) {
        this.#add(
          'retry-after-too-short',
          `a request ${Math.round(lateMs)} ms after the announced time was denied again`,
        )
      } else if (!isDenied && -lateMs > TOLERANCE_MS) {
        this.#add('retry-after-too-long', `a request ${Math.round(-lateMs)} ms before the announced time was allowed`)
      }
      return
    }
    const known = before.report.limits.filter(({ remaining }) => remaining !== null)
    if (known.length === 0) return
    const least = known.reduce((one, other) => ((other.remaining ?? 0) < (one.remaining ?? 0) ? other : one))
    const cost = Math.max(1, this.#mostCost.get(`${key} ${least.name}`) ?? 1)
    if (isDenied && (least.remaining ?? 0) >= cost) {
      this.#add(
        'remaining-but-denied',
        `a request was denied after "${least.name}" had reported ${least.remaining} remaining`,
      )
    }
    const resetsIn = least.resetAt === null ? undefined : least.resetAt - Date.now()
    if (!isDenied && least.remaining === 0 && resetsIn !== undefined && resetsIn > TOLERANCE_MS) {
      this.#add(
        'nothing-remaining-but-allowed',
        `a request was allowed ${Math.round(resetsIn)} ms before the reset that "${least.name}" had reported with 0 remaining`,
      )
    }
  }

  #add(kind: Dishonesty, example: string): void {
    const known = this.#counts.get(kind)
    if (known === undefined) this.#counts.set(kind, { count: 1, example })
    else known.count++
  }
}
