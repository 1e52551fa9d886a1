/** Keys that are remembered at a time, and lines a minute in all. */
const MOST_KEYS = 10_000
const MOST_LINES = 600

interface Quiet<Line> {
  /** Until when nothing more is said of it. */
  until: number
  suppressed: number
  last: Line
}

/** Says at most one line for each key in a time, with the number of those that were held back, and not too many in all. */
export class QuietKeys<Line> {
  readonly #forMs: number
  readonly #say: (line: Line, suppressed: number) => void
  readonly #sayOverflow: (suppressed: number) => void
  /** All are quiet for as long: the oldest are the first to end. */
  readonly #keys = new Map<string, Quiet<Line>>()
  #timer: ReturnType<typeof setTimeout> | undefined
  #lines = 0
  #overflow = 0
  #minute = 0

  constructor(forMs: number, say: (line: Line, suppressed: number) => void, sayOverflow: (suppressed: number) => void) {
    this.#forMs = forMs
    this.#say = say
    this.#sayOverflow = sayOverflow
  }

  add(key: string, line: Line): void {
    const quiet = this.#keys.get(key)
    if (quiet !== undefined) {
      quiet.suppressed += 1
      quiet.last = line
      return
    }
    if (this.#keys.size >= MOST_KEYS || !this.#mayWrite()) {
      this.#overflow += 1
      this.#wake()
      return
    }
    this.#begin(key, line, 0)
  }

  /** Says what was held back, and nothing after that. */
  close(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    for (const { last, suppressed } of this.#keys.values()) if (suppressed > 0) this.#say(last, suppressed)
    this.#keys.clear()
    this.#flushOverflow()
  }

  #begin(key: string, line: Line, suppressed: number): void {
    this.#keys.set(key, { until: performance.now() + this.#forMs, suppressed: 0, last: line })
    this.#wake()
    this.#say(line, suppressed)
  }

  #mayWrite(): boolean {
    const minute = Math.floor(performance.now() / 60_000)
    if (minute !== this.#minute) {
      this.#minute = minute
      this.#lines = 0
      this.#flushOverflow()
    }
    if (this.#lines >= MOST_LINES) return false
    this.#lines += 1
    return true
  }

  #flushOverflow(): void {
    if (this.#overflow === 0) return
    const overflow = this.#overflow
    this.#overflow = 0
    this.#sayOverflow(overflow)
  }

  #wake(): void {
    if (this.#timer !== undefined) return
    const first = this.#keys.values().next().value
    const ms = first === undefined ? 1_000 : Math.max(0, first.until - performance.now())
    this.#timer = setTimeout(() => this.#sweep(), Math.ceil(ms))
    if (typeof this.#timer === 'object') this.#timer.unref()
  }

  /** Of keys that have been quiet for long enough: those that had something to say say it, the others are forgotten. */
  #sweep(): void {
    this.#timer = undefined
    const now = performance.now()
    for (const [key, { until, suppressed, last }] of [...this.#keys]) {
      if (until > now) break
      this.#keys.delete(key)
      if (suppressed === 0) continue
      if (this.#mayWrite()) this.#begin(key, last, suppressed)
      else this.#overflow += suppressed
    }
    if (this.#keys.size > 0 || this.#overflow > 0) this.#wake()
    if (this.#keys.size === 0) this.#mayWrite()
  }
}
