import type { Decision } from '@sluice/core'
import type { Observable } from '@sluice/core/observe'
import type { Write } from '../http/exchange.js'
import { type DecisionRow, rowOf } from './decision-row.js'

/** Rows a second that are shown; denials come first. */
const MOST_ROWS = 20
const TICK_MS = 1_000
const MOST_LISTENERS = 100
const MOST_MISSED = 30

/** One decision as the live page shows it. */
export interface LiveRow extends DecisionRow {
  readonly limit: string
  readonly cost: number
  readonly result: 'allowed' | 'denied' | 'shadow'
  readonly remaining: number | undefined
}

interface Listener {
  readonly write: Write
  readonly end: () => void
  readonly masked: boolean
  /** Snapshots that it could not take, one after the other. */
  missed: number
}

/**
 * Sends what is decided to all who look, once a second, as one snapshot that is made once. Nothing is looked at while nobody does.
 */
export class Live {
  readonly #observables: () => readonly Observable[]
  readonly #mask: (key: string) => string
  readonly #listeners = new Set<Listener>()
  #denied: LiveRow[] = []
  #others: LiveRow[] = []
  #decisions = 0
  #stops: readonly (() => void)[] = []
  #timer: ReturnType<typeof setInterval> | undefined
  #isClosed = false

  constructor(observables: () => readonly Observable[], mask: (key: string) => string) {
    this.#observables = observables
    this.#mask = mask
  }

  get isFull(): boolean {
    return this.#isClosed || this.#listeners.size >= MOST_LISTENERS
  }

  /** Returns a function that removes the listener. */
  add(write: Write, end: () => void, masked: boolean): () => void {
    const listener = { write, end, masked, missed: 0 }
    if (this.isFull) {
      end()
      return () => undefined
    }
    this.#listeners.add(listener)
    if (this.#listeners.size === 1) this.#begin()
    write('retry: 2000\n\n')
    return () => {
      this.#listeners.delete(listener)
      if (this.#listeners.size === 0) this.#end()
    }
  }

  /** Ends all streams; a server that waits for its connections can close then. */
  close(): void {
    this.#isClosed = true
    for (const { end } of [...this.#listeners]) end()
    this.#listeners.clear()
    this.#end()
  }

  #begin(): void {
    this.#timer = setInterval(() => this.#tick(), TICK_MS)
    this.#timer.unref()
    this.#stops = this.#observables().map((observable) =>
      observable.observe({
        decided: (limit, decision, request) => this.#note(observable, limit, decision, request),
      }),
    )
  }

  #end(): void {
    clearInterval(this.#timer)
    for (const stop of this.#stops) stop()
    this.#stops = []
    this.#denied = []
    this.#others = []
    this.#decisions = 0
  }

  #note(observable: Observable, limit: string, decision: Decision, request: unknown): void {
    this.#decisions += 1
    const isDenied = !decision.allowed
    const rows = isDenied ? this.#denied : this.#others
    if (rows.length >= MOST_ROWS) return
    rows.push({
      ...rowOf(decision, observable, request),
      limit,
      cost: decision.cost,
      result: isDenied ? 'denied' : decision.standings.some(({ allowed }) => !allowed) ? 'shadow' : 'allowed',
      remaining: decision.binding?.remaining,
    })
  }

  #tick(): void {
    const rows = [...this.#denied, ...this.#others].slice(0, MOST_ROWS)
    const snapshot = { at: Date.now(), decisions: this.#decisions, suppressed: this.#decisions - rows.length }
    this.#denied = []
    this.#others = []
    this.#decisions = 0
    const isDegraded = this.#observables().some((observable) => observable.isDegraded)
    const event = (shown: readonly LiveRow[]): string =>
      `data: ${JSON.stringify({ ...snapshot, isDegraded, rows: shown })}\n\n`
    let plain: string | undefined
    let masked: string | undefined
    for (const listener of this.#listeners) {
      if (listener.masked) masked ??= event(rows.map((row) => ({ ...row, key: this.#mask(row.key) })))
      else plain ??= event(rows)
      const chunk = (listener.masked ? masked : plain) ?? ''
      // Who cannot take it in time misses snapshots, which nobody keeps for them; who never can is sent away.
      if (listener.missed === 0) listener.missed = listener.write(chunk) ? 0 : 1
      else if (listener.missed < MOST_MISSED) listener.missed = listener.write(':\n\n') ? 0 : listener.missed + 1
      else listener.end()
    }
  }
}
