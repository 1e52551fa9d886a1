import { builtin, type Channel, describe, Emitter, type Listener, warn } from '@sluice/core/runtime'
import type { Attempt } from './errors.js'

/** What `on` can be asked for, and what a listener is given. Times are in Unix milliseconds, lengths in milliseconds. */
export interface ClientEvents {
  /**
   * An attempt was answered, or failed without a status. `result` is what the client makes of it: `'limited'` is a 429, or what
   * another API says in its place; `'failed'` counts against the server; `'refused'` is any other error of the caller's.
   */
  attempt: {
    readonly key: string
    readonly result: 'ok' | 'limited' | 'failed' | 'refused'
    readonly status: number | undefined
    readonly tookMs: number
  }
  /** An attempt failed, and another one follows in `waitMs`. */
  retry: {
    readonly key: string
    /** The number of the attempt that failed, from 1. */
    readonly attempt: number
    readonly waitMs: number
    readonly status: number | undefined
    readonly error: unknown
  }
  /** A call has waited: for a gate or its pace, for a place under `concurrency`, or for `limits`. */
  wait: { readonly key: string; readonly waitMs: number; readonly reason: 'pace' | 'concurrency' | 'limits' }
  /** A server said when to come back: no call to this key is sent before `until`. */
  gate: { readonly key: string; readonly until: number; readonly status: number }
  /** Adaptive throttling kept a call back. */
  throttled: { readonly key: string; readonly probability: number }
  /** Too many calls failed: none is sent until `until`. */
  open: { readonly key: string; readonly until: number }
  /** A call went through again. */
  close: { readonly key: string }
  /** A call has failed for good, after these attempts. */
  giveUp: {
    readonly key: string
    readonly attempts: readonly Attempt[]
    readonly status: number | undefined
    readonly error: unknown
  }
}

/** What is published on the diagnostics channel `sluice:client`. */
export type ClientMessage = {
  [Name in keyof ClientEvents]: { readonly event: Name } & ClientEvents[Name]
}[keyof ClientEvents]

const NAMES = ['attempt', 'retry', 'wait', 'gate', 'throttled', 'open', 'close', 'giveUp'] as const

/** Node's diagnostics channel, for whoever observes a whole process; absent elsewhere. */
const channel: Channel | undefined = builtin('node:diagnostics_channel')?.channel('sluice:client')

/** The events of one client. A listener that throws or rejects harms no call; the process is warned, once for each error. */
export class Events {
  readonly #complaints = new Set<string>()
  readonly #emitter = new Emitter<ClientEvents>(NAMES, (error, name) => {
    const sentence = `A listener for '${String(name)}' failed: ${describe(error)}`
    if (this.#complaints.has(sentence) || this.#complaints.size >= MOST_COMPLAINTS) return
    this.#complaints.add(sentence)
    warn('SLUICE_LISTENER', sentence)
  })

  on<Name extends keyof ClientEvents>(name: Name, listener: Listener<ClientEvents[Name]>): () => void {
    return this.#emitter.on(name, listener)
  }

  /** Whether anybody wants to know: where nobody does, no event is made. */
  get isHeard(): boolean {
    return this.#emitter.size > 0 || channel?.hasSubscribers === true
  }

  emit<Name extends keyof ClientEvents>(name: Name, event: ClientEvents[Name]): void {
    if (channel?.hasSubscribers === true) channel.publish({ event: name, ...event })
    this.#emitter.emit(name, event)
  }
}

const MOST_COMPLAINTS = 100
