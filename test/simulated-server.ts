/** What admits requests to the server: an `AdaptiveLimit`, or one of those below. */
export interface Admission {
  readonly limit: number
  tryAcquire(): boolean
  release(now: number, durationMs: number | undefined, failed?: boolean): void
}

/** A server with so many workers behind one queue, and its clients, who ask without waiting for answers. */
export interface Scenario {
  readonly seed: number
  readonly forMs: number
  /** Requests before that are not measured. */
  readonly warmUpMs: number
  readonly arrivalsPerMs: (now: number) => number
  readonly workers: (now: number) => number
  readonly serviceMs: (random: () => number, now: number) => number
}

export interface Measured {
  /** Completed per second. */
  readonly perSecond: number
  readonly p99Ms: number
  readonly admitted: number
  readonly denied: number
}

/** Runs the scenario in its own time, event by event. */
export function simulate(scenario: Scenario, admission: Admission): Measured {
  const { forMs, warmUpMs, arrivalsPerMs, workers, serviceMs } = scenario
  const random = seeded(scenario.seed)
  const inService = new Schedule()
  const waiting: number[] = []
  const latencies: number[] = []
  let [head, denied, admitted] = [0, 0, 0]
  let arrivesAt = exponential(random) / arrivalsPerMs(0)
  const serve = (now: number): void => {
    while (head < waiting.length && inService.size < workers(now)) {
      inService.add(now + serviceMs(random, now), waiting[head++] ?? now)
    }
  }
  for (;;) {
    const now = Math.min(arrivesAt, inService.nextAt)
    if (now > forMs) break
    if (now < arrivesAt) {
      const came = inService.take()
      if (now >= warmUpMs) latencies.push(now - came)
      admission.release(now, now - came)
    } else {
      arrivesAt = now + exponential(random) / arrivalsPerMs(now)
      if (admission.tryAcquire()) {
        waiting.push(now)
        if (now >= warmUpMs) admitted++
      } else if (now >= warmUpMs) denied++
    }
    serve(now)
  }
  const sorted = Float64Array.from(latencies).sort()
  return {
    perSecond: (latencies.length * 1_000) / (forMs - warmUpMs),
    p99Ms: sorted[Math.floor(sorted.length * 0.99)] ?? 0,
    admitted,
    denied,
  }
}

/** At most so many in progress, always. */
export class FixedLimit implements Admission {
  readonly limit: number
  #inFlight = 0

  constructor(limit: number) {
    this.limit = limit
  }

  tryAcquire(): boolean {
    if (this.#inFlight >= this.limit) return false
    this.#inFlight++
    return true
  }

  release(): void {
    this.#inFlight--
  }
}

/** Uniform in (0, 1), the same for the same seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return (((mixed ^ (mixed >>> 14)) >>> 0) + 0.5) / 2 ** 32
  }
}

/** Of mean 1. */
export const exponential = (random: () => number): number => -Math.log(random())

/** Of mean 1; its logarithm has this standard deviation. */
export function lognormal(random: () => number, sigma: number): number {
  const normal = Math.sqrt(-2 * Math.log(random())) * Math.cos(2 * Math.PI * random())
  return Math.exp(sigma * normal - sigma ** 2 / 2)
}

/** Requests by the time they will be done: a binary heap. */
class Schedule {
  readonly #doneAt: number[] = []
  readonly #came: number[] = []

  get size(): number {
    return this.#doneAt.length
  }

  get nextAt(): number {
    return this.#doneAt[0] ?? Number.POSITIVE_INFINITY
  }

  add(doneAt: number, came: number): void {
    let place = this.size
    while (place > 0) {
      const parent = (place - 1) >> 1
      if (this.#at(parent) <= doneAt) break
      this.#put(place, this.#at(parent), this.#came[parent] ?? 0)
      place = parent
    }
    this.#put(place, doneAt, came)
  }

  /** Removes the next one; returns when it came. */
  take(): number {
    const came = this.#came[0] ?? 0
    const lastAt = this.#doneAt.pop() ?? 0
    const lastCame = this.#came.pop() ?? 0
    if (this.size === 0) return came
    let place = 0
    for (;;) {
      let child = 2 * place + 1
      if (this.#at(child + 1) < this.#at(child)) child++
      if (this.#at(child) >= lastAt) break
      this.#put(place, this.#at(child), this.#came[child] ?? 0)
      place = child
    }
    this.#put(place, lastAt, lastCame)
    return came
  }

  #at(place: number): number {
    return this.#doneAt[place] ?? Number.POSITIVE_INFINITY
  }

  #put(place: number, doneAt: number, came: number): void {
    this.#doneAt[place] = doneAt
    this.#came[place] = came
  }
}
