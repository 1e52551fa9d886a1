import { Baseline } from './baseline.js'
import { LatencyWindow } from './latency-window.js'
import { firstLimit, type LimitAlgorithm } from './limit-algorithm.js'

/** Latency over the baseline that is no queue yet. */
const TOLERANCE = 1.3
/** Requests that may queue, as a multiple of √limit. */
const QUEUE = 0.75
/** Share of a cut that one window makes. */
const SMOOTHING = 0.5
/** A window is complete after so many samples, `limit` samples, so long, and one mean latency: whichever is last. */
const WINDOW_SAMPLES = 15
const WINDOW_MS = 100
const PROBE_SAMPLES = 30
/** Lengths of a probe between it and the next, once the baseline has the weight of so many samples. */
const PROBE_PAUSE = 15
const SETTLED_WEIGHT = 100
/** A probe is abandoned where so many latencies later more requests are in progress than it allows: those hang. */
const LONGEST_DRAIN = 10
const ABANDONED_PAUSE_MS = 60_000
/** A cut below this share is not made before a probe has shown whether there is a queue. */
const LARGE_CUT = 0.5
/** From d ln(latency) / d ln(limit), which is 0 without a queue and 1 with one: the probe itself had a queue. */
const QUEUED = 0.85

/**
 * The limit follows the ratio of two latencies: the _baseline_, of requests that waited for no other, and that of the last
 * window of requests. With K workers and a queue, latency = baseline · limit / K, so that limit · baseline / latency is K.
 *
 *     limit ← limit · min(1, 1.3 · baseline / latency) + 0.75 · √limit
 *
 * Growth is applied at once, half of a cut per window. This is the law of Netflix's Gradient2Limit and of Envoy's gradient
 * controller. Three things differ, since with a slow average as the baseline (Gradient2) an overload that lasts becomes the
 * baseline, and with fixed allowances the latency of a small server triples:
 *
 * - The baseline is learned only from quiet windows (at most half of the limit in progress), and where clients are denied, from
 *   _probes_: the limit is halved until 30 requests have been measured, about 6 % of the time.
 * - If the latency falls with the limit, the probe had a queue as well and the limit is halved again: the knee is found in
 *   log₂ steps, also where the first sample was taken under load. If it does not fall, the service itself became slower.
 * - A baseline that differs by more than chance replaces the old one, so that a change is followed at once.
 */
export class Gradient implements LimitAlgorithm {
  readonly #min: number
  readonly #max: number
  readonly #window = new LatencyWindow()
  readonly #baseline = new Baseline()
  #estimate: number
  #limit: number
  /** At the estimate; smoothed. */
  #latencyMs = 0
  #lastAt = Number.NEGATIVE_INFINITY
  /** The last window was quiet, so that nobody in this one has waited for those before. */
  #wasQuiet = false
  /** The first window is not used: its requests came to an emptier server. */
  #started = false
  #probing = false
  #probeStartedAt = 0
  #drainsFrom = 0
  #probeAt = Number.NEGATIVE_INFINITY

  constructor(min: number, max: number) {
    this.#min = min
    this.#max = max
    this.#estimate = firstLimit(min, max)
    this.#limit = this.#estimate
  }

  get limit(): number {
    return this.#limit
  }

  get ceiling(): number {
    return Math.floor(this.#estimate)
  }

  released(now: number, durationMs: number | undefined, failed: boolean, inFlight: number, denied: boolean): void {
    if (now < this.#lastAt) this.#setClockBack(this.#lastAt - now)
    this.#lastAt = now
    const isDraining = this.#probing && inFlight > this.#limit
    if (isDraining) this.#drain(now)
    this.#window.add(now, durationMs, failed, inFlight, denied)
    const samples = Math.max(this.#probing ? PROBE_SAMPLES : WINDOW_SAMPLES, this.#limit)
    if (!this.#window.isComplete(now, samples, WINDOW_MS, this.#baseline.known ? 1 : 3)) return
    if (this.#probing) this.#endProbe(now)
    else this.#follow(now)
  }

  #drain(now: number): void {
    this.#settle(now, this.#latencyMs)
    if (now - this.#drainsFrom < LONGEST_DRAIN * this.#latencyMs) return
    this.#probing = false
    this.#set(this.#estimate)
    this.#probeAt = now + ABANDONED_PAUSE_MS
  }

  #follow(now: number): void {
    if (this.#started) this.#learn(now)
    this.#started = true
    if (!this.#probing) this.#window.restart(now)
  }

  #learn(now: number): void {
    const [wasQuiet, isQuiet] = [this.#wasQuiet, this.#window.peak <= this.#estimate / 2]
    this.#wasQuiet = isQuiet
    if ((isQuiet && wasQuiet) || this.#limit <= this.#probeLimit) this.#baseline.learn(this.#window)
    else if (this.#baseline.lower(this.#window)) this.#probeAt = now
    if (isQuiet || !this.#baseline.known) return
    this.#smooth(Math.min(this.#window.meanMs, 10 * this.#baseline.meanMs))
    const next = this.#next(this.#window.meanMs)
    const isDue = next < LARGE_CUT * this.#estimate || (this.#window.denied && now >= this.#probeAt)
    if (isDue && this.#probeLimit < this.#limit) {
      this.#probeStartedAt = now
      this.#probe(now)
    } else if (next >= this.#estimate) this.#set(next)
    else this.#set(this.#estimate + SMOOTHING * (Math.max(next, this.#estimate / 2) - this.#estimate))
  }

  #smooth(latencyMs: number): void {
    const ratio = latencyMs / this.#latencyMs
    this.#latencyMs = ratio > 0.5 && ratio < 2 ? (this.#latencyMs + latencyMs) / 2 : latencyMs
  }

  #next(latencyMs: number): number {
    const gradient = Math.min(1, (TOLERANCE * this.#baseline.meanMs) / latencyMs)
    return this.#estimate * gradient + QUEUE * Math.sqrt(this.#estimate)
  }

  get #probeLimit(): number {
    return Math.max(this.#min, Math.floor(this.#estimate / 2))
  }

  #probe(now: number): void {
    this.#probing = true
    this.#drainsFrom = now
    this.#limit = this.#probeLimit
    this.#settle(now, this.#latencyMs)
  }

  #endProbe(now: number): void {
    const [probed, latencyMs] = [this.#limit, this.#window.meanMs]
    if (Math.log(this.#latencyMs / latencyMs) > QUEUED * Math.log(this.#estimate / probed)) {
      if (latencyMs < this.#baseline.meanMs) this.#baseline.replace(this.#window)
      this.#estimate = probed
      this.#latencyMs = latencyMs
      if (this.#probeLimit < probed) {
        this.#probe(now)
        return
      }
    } else this.#baseline.learn(this.#window)
    this.#probing = false
    const next = this.#next(this.#latencyMs)
    this.#set(next < LARGE_CUT * this.#estimate ? Math.max(probed, next) : this.#estimate)
    this.#settle(now, Number.isFinite(latencyMs) ? latencyMs : this.#latencyMs)
    const certainty = Math.min(1, this.#baseline.weight / SETTLED_WEIGHT)
    this.#probeAt = now + PROBE_PAUSE * certainty ** 2 * (now - this.#probeStartedAt)
  }

  #set(estimate: number): void {
    this.#estimate = Math.min(this.#max, Math.max(this.#min, estimate))
    this.#limit = Math.floor(this.#estimate)
  }

  /** Waits out twice the mean remaining time of a request in progress, latency · (1 + variance) / 2. */
  #settle(now: number, latencyMs: number): void {
    this.#window.restart(now + latencyMs * Math.min(5, 1 + this.#baseline.relativeVariance))
  }

  #setClockBack(byMs: number): void {
    this.#window.setClockBack(byMs)
    this.#probeStartedAt -= byMs
    this.#drainsFrom -= byMs
    this.#probeAt -= byMs
  }
}
