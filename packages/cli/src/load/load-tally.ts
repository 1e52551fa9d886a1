import type { Exchange } from './exchange.js'

/** A limit that responses announced, and the most that one key got in a window of it. */
export interface AnnouncedLimit {
  readonly name: string
  readonly unit: string
  readonly quota: number
  readonly windowMs: number | null
  /** `null` where the window is unknown, or units are not requests. */
  readonly mostAdmitted: number | null
}

/** Servers count whole milliseconds, so a window of theirs can be shorter by one. */
const CLOCK_MS = 1

/** What became of the requests. */
export class LoadTally {
  /** Requests that were not sent, since every client waited as told or was busy. */
  heldBack = 0
  readonly statuses: Map<number, number> = new Map()
  readonly errors: Map<string, number> = new Map()
  #serverErrors = 0
  readonly #latencies: { readonly admitted: number[]; readonly denied: number[] } = { admitted: [], denied: [] }
  /** When the admitted requests of each key were sent, and when their responses had ended. */
  readonly #admittedAt = new Map<string, { readonly sent: number[]; readonly ended: number[] }>()
  readonly #limits = new Map<
    string,
    { readonly unit: string; readonly quota: number; readonly windowMs: number | null }
  >()

  note(key: string, { status, sentAt, endedAt, report, retryAt, error }: Exchange): void {
    if (status === 0) {
      const reason = error ?? 'no response'
      this.errors.set(reason, (this.errors.get(reason) ?? 0) + 1)
      return
    }
    this.statuses.set(status, (this.statuses.get(status) ?? 0) + 1)
    const isDenied = status === 429 || (status === 503 && retryAt !== undefined)
    if (status >= 500 && !isDenied) {
      this.#serverErrors++
      return
    }
    this.#latencies[isDenied ? 'denied' : 'admitted'].push(endedAt - sentAt)
    if (!isDenied) {
      const times = this.#admittedAt.get(key)
      if (times === undefined) this.#admittedAt.set(key, { sent: [sentAt], ended: [endedAt] })
      else {
        times.sent.push(sentAt)
        times.ended.push(endedAt)
      }
    }
    for (const { name, unit, limit, windowMs } of report.limits) {
      if (limit !== null) this.#limits.set(name, { unit, quota: limit, windowMs })
    }
  }

  get denied(): number {
    return this.#latencies.denied.length
  }

  get admitted(): number {
    return this.#latencies.admitted.length
  }

  /** Requests without a response, or with a 5xx that is no denial. */
  get failed(): number {
    return this.#serverErrors + [...this.errors.values()].reduce((sum, count) => sum + count, 0)
  }

  latency(of: 'admitted' | 'denied'): readonly (readonly [share: number, ms: number])[] {
    const sorted = [...this.#latencies[of]].sort((one, other) => one - other)
    if (sorted.length === 0) return []
    return [0.5, 0.9, 0.99, 1].map((share) => [share, sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0])
  }

  get limits(): readonly AnnouncedLimit[] {
    return [...this.#limits].map(([name, { unit, quota, windowMs }]) => {
      const isCounted = unit === 'requests' && windowMs !== null
      return { name, unit, quota, windowMs, mostAdmitted: isCounted ? this.#mostIn(windowMs) : null }
    })
  }

  /**
   * The most requests that a window certainly held: the server decided each between its sending and its end, so both
   * lie in the window. A request that took longer than the window is not counted.
   */
  #mostIn(windowMs: number): number {
    const certainMs = windowMs - CLOCK_MS
    let most = 0
    for (const { sent, ended } of this.#admittedAt.values()) {
      sent.sort((one, other) => one - other)
      ended.sort((one, other) => one - other)
      let endedBy = 0
      for (const [sentBefore, from] of sent.entries()) {
        while ((ended[endedBy] ?? Infinity) < from + certainMs) endedBy++
        most = Math.max(most, endedBy - sentBefore)
      }
    }
    return most
  }
}
