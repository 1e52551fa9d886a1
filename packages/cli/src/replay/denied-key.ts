import { Timeline } from './timeline.js'

const SPARKLINE = 48

/** What became of a key that was denied. */
export class DeniedKey {
  readonly place: number
  /** Where its admitted units are counted. */
  readonly admittedPlace: number
  denied = 0
  /** Denied requests whose response had a status below 400. */
  succeeded = 0
  /** Its denials over time; `undefined` where too many keys are drawn already. */
  drawn: Timeline | undefined
  #longestBlockMs = 0
  /** When the denials that have not ended yet began, in Unix milliseconds; 0 where there are none. */
  #blockedAt = 0
  /** When they end, as announced. */
  #freeAt = 0

  constructor(place: number, admittedPlace: number) {
    this.place = place
    this.admittedPlace = admittedPlace
  }

  /** The longest time for which its requests were denied. */
  get longestBlockMs(): number {
    return this.#blockedAt === 0 ? this.#longestBlockMs : Math.max(this.#longestBlockMs, this.#freeAt - this.#blockedAt)
  }

  /** `retryAfterMs` is infinite for what can never pass, which is blocked for as long as it is tried. */
  noteDenied(at: number, retryAfterMs: number, hasSucceeded: boolean): void {
    this.denied++
    if (hasSucceeded) this.succeeded++
    if (this.#blockedAt === 0) this.#blockedAt = at
    this.#freeAt = Number.isFinite(retryAfterMs) ? at + retryAfterMs : at
    this.drawn?.add(at, 1)
  }

  noteAllowed(at: number): void {
    if (this.#blockedAt === 0) return
    this.#longestBlockMs = Math.max(this.#longestBlockMs, Math.min(at, this.#freeAt) - this.#blockedAt)
    this.#blockedAt = 0
  }

  draw(): void {
    this.drawn ??= new Timeline(SPARKLINE)
  }
}
