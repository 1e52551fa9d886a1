import { DeniedKey } from './denied-key.js'
import { CountHistogram, type QuotaCurve, quotaCurve } from './quota-curve.js'
import { Timeline } from './timeline.js'
import { PARTS, WindowCounts } from './window-counts.js'

const TIMELINE = 240

/** Keys whose denials are drawn from the first one on; a later key is drawn from its hundredth on. */
const MOST_DRAWN = 10_000
const DRAWN_FROM = 100

/** A window that is never left: where there is no rate, requests are still counted. */
const NO_WINDOW_MS = 2 ** 50

/** The part of a decision that is counted. */
interface Verdict {
  readonly allowed: boolean
  readonly retryAfterMs: number
}

/** What became of all requests under one limit. */
export class LimitTally {
  allowed = 0
  denied = 0
  /** Denied requests whose response had a status below 400. */
  succeeded = 0
  /** Requests whose line has no key. */
  unkeyed = 0
  /** The keys of which something was denied, in the order in which they were. */
  readonly deniedKeys: DeniedKey[] = []
  readonly #deniedByPlace: (DeniedKey | undefined)[] = []
  readonly allowedOverTime: Timeline = new Timeline(TIMELINE)
  readonly deniedOverTime: Timeline = new Timeline(TIMELINE)
  /** The window in which demand is counted; 0 where there is none. */
  readonly windowMs: number
  /** Units that were asked for. */
  units = 0
  /** What keys asked for. */
  readonly demand: WindowCounts
  /** What denied keys got; all others got what they asked for. */
  readonly #admitted: WindowCounts
  readonly #windows = new CountHistogram()
  readonly #partMs: number
  /** Of the request before, and what was in the timelines then. */
  #at = 0
  #part = 0
  #drawnAllowed = 0
  #drawnDenied = 0

  constructor(windowMs: number, isWeighted: boolean) {
    this.windowMs = windowMs
    this.demand = new WindowCounts(isWeighted)
    this.#admitted = new WindowCounts(isWeighted)
    this.#partMs = (windowMs === 0 ? NO_WINDOW_MS : windowMs) / PARTS
  }

  /** `place`: that of the key. */
  note(place: number, at: number, units: number, { allowed, retryAfterMs }: Verdict, status: number): void {
    if (at !== this.#at) this.#goTo(at)
    const key = this.#deniedByPlace[place]
    if (allowed) {
      this.allowed++
      if (key !== undefined) this.#noteAdmitted(key, at, units)
    } else this.#noteDenied(key ?? this.#open(place), at, retryAfterMs, status)
    this.units += units
    const ended = this.demand.add(place, this.#part, units)
    if (ended > 0) this.#windows.add(ended)
  }

  /** Counts what has not been drawn yet. */
  end(): void {
    this.#goTo(this.#at)
  }

  /** The most units of any key that passed in a window. */
  mostAdmitted(): number {
    let most = 0
    for (const place of this.demand.places()) most = Math.max(most, this.admittedPeakOf(place))
    return most
  }

  /** The most units of a key that passed in a window. */
  admittedPeakOf(place: number): number {
    const key = this.#deniedByPlace[place]
    return key === undefined ? this.demand.peakOf(place) : this.#admitted.peakOf(key.admittedPlace)
  }

  /** What other quotas would have denied; `quota` is one of them. */
  curve(quota: number): QuotaCurve | undefined {
    if (this.windowMs === 0) return undefined
    const peaks = new CountHistogram()
    for (const place of this.demand.places()) {
      this.#windows.add(this.demand.lastOf(place))
      peaks.add(this.demand.peakOf(place))
    }
    return quotaCurve(this.windowMs, this.units, quota, this.#windows, peaks)
  }

  /** Adds what there has been since the last time to the timelines, as most requests come many at a time. */
  #goTo(at: number): void {
    if (this.allowed > this.#drawnAllowed) this.allowedOverTime.add(this.#at, this.allowed - this.#drawnAllowed)
    if (this.denied > this.#drawnDenied) this.deniedOverTime.add(this.#at, this.denied - this.#drawnDenied)
    this.#drawnAllowed = this.allowed
    this.#drawnDenied = this.denied
    this.#at = at
    this.#part = Math.floor(at / this.#partMs)
  }

  #noteAdmitted(key: DeniedKey, at: number, units: number): void {
    key.noteAllowed(at)
    this.#admitted.add(key.admittedPlace, this.#part, units)
  }

  #noteDenied(key: DeniedKey, at: number, retryAfterMs: number, status: number): void {
    const hasSucceeded = status >= 100 && status < 400
    this.denied++
    if (hasSucceeded) this.succeeded++
    if (this.deniedKeys.length <= MOST_DRAWN || key.denied >= DRAWN_FROM) key.draw()
    key.noteDenied(at, retryAfterMs, hasSucceeded)
  }

  /** From its first denial on, what a key got is no longer what it asked for. */
  #open(place: number): DeniedKey {
    const key = new DeniedKey(place, this.deniedKeys.length)
    this.#admitted.copy(key.admittedPlace, this.demand, place)
    this.deniedKeys.push(key)
    // An array without holes is read faster.
    while (this.#deniedByPlace.length < place) this.#deniedByPlace.push(undefined)
    this.#deniedByPlace[place] = key
    return key
  }
}
