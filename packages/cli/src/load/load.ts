import { setTimeout as sleep } from 'node:timers/promises'
import { type Exchange, type LoadRequest, Sender } from './exchange.js'
import { type Finding, HonestyCheck } from './honesty.js'
import { LoadTally } from './load-tally.js'
import type { Target } from './target.js'

/** How clients behave: they wait as told, or go on as if nothing was said. */
export type Behaviour = 'polite' | 'hammer'

export interface LoadOptions {
  readonly target: Target
  /** Requests a second, over all clients. */
  readonly rps: number
  readonly clients: number
  readonly durationMs: number
  readonly behaviour: Behaviour
  readonly timeoutMs: number
  /** The request of a client. */
  requestOf(client: number): LoadRequest
  /** Whether each client has a quota of its own. */
  readonly isKeyed: boolean
  readonly signal: AbortSignal
  onSent(): void
}

/** What a load came to. */
export interface LoadResult {
  readonly tally: LoadTally
  readonly findings: readonly Finding[]
  /** How long it took, in milliseconds. */
  readonly tookMs: number
}

/** Sends a steady rate of requests, however long responses take; each client has one request under way at a time. */
export async function runLoad(options: LoadOptions): Promise<LoadResult> {
  const { target, clients, timeoutMs, rps, durationMs, signal, behaviour } = options
  const sender = new Sender(target, clients, timeoutMs)
  const tally = new LoadTally()
  const honesty = new HonestyCheck()
  const crowd = new Crowd(options)
  const underWay = new Set<Promise<void>>()
  const beganAt = performance.now()
  const planned = Math.round((rps * durationMs) / 1_000)
  for (let i = 0; i < planned && !signal.aborted; i++) {
    const dueMs = beganAt + (i * 1_000) / rps - performance.now()
    if (dueMs > 1) await sleep(dueMs, undefined, { signal }).catch(() => undefined)
    if (signal.aborted) break
    const client = crowd.next(performance.now(), behaviour)
    if (client === undefined) {
      tally.heldBack++
      continue
    }
    options.onSent()
    const sent: Promise<void> = sender.send(client, options.requestOf(client)).then((exchange) => {
      honesty.note(crowd.keyOf(client), exchange, crowd.ended(exchange))
      tally.note(crowd.keyOf(client), exchange)
      underWay.delete(sent)
    })
    underWay.add(sent)
  }
  // An interrupt does not wait for what is under way.
  const interrupt = (): void => sender.close()
  if (signal.aborted) interrupt()
  else signal.addEventListener('abort', interrupt)
  await Promise.all(underWay)
  signal.removeEventListener('abort', interrupt)
  sender.close()
  honesty.end(tally.limits)
  return { tally, findings: honesty.findings, tookMs: performance.now() - beganAt }
}

/** The clients: who is free, who waits, and whose requests overlap. */
class Crowd {
  readonly #busy = new Set<number>()
  readonly #waitsUntil = new Map<number, number>()
  readonly #options: LoadOptions
  /** Of each key: requests under way, and whether some have overlapped since the last one ended. */
  readonly #overlaps = new Map<string, { underWay: number; hasOverlapped: boolean }>()
  #next = 0

  constructor(options: LoadOptions) {
    this.#options = options
  }

  keyOf(client: number): string {
    return this.#options.isKeyed ? String(client) : 'all'
  }

  /** The next client in turn that is free, and does not wait. */
  next(now: number, behaviour: Behaviour): number | undefined {
    const { clients } = this.#options
    for (let tried = 0; tried < clients; tried++) {
      const client = this.#next
      this.#next = (this.#next + 1) % clients
      const waits = behaviour === 'polite' && (this.#waitsUntil.get(client) ?? 0) > now
      if (this.#busy.has(client) || waits) continue
      this.#busy.add(client)
      const overlap = this.#overlapOf(client)
      overlap.underWay++
      if (overlap.underWay > 1) overlap.hasOverlapped = true
      return client
    }
    return undefined
  }

  /** Returns whether no other request of the same key was under way meanwhile. */
  ended({ client, status, retryAt }: Exchange): boolean {
    this.#busy.delete(client)
    if (status === 429 && retryAt !== undefined) this.#waitsUntil.set(client, retryAt)
    const overlap = this.#overlapOf(client)
    overlap.underWay--
    const isAlone = !overlap.hasOverlapped
    if (overlap.underWay === 0) overlap.hasOverlapped = false
    return isAlone
  }

  #overlapOf(client: number): { underWay: number; hasOverlapped: boolean } {
    const key = this.keyOf(client)
    const known = this.#overlaps.get(key) ?? { underWay: 0, hasOverlapped: false }
    this.#overlaps.set(key, known)
    return known
  }
}
