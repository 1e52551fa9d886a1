import { builtin, type Channel } from '../builtin.js'
import type { Decision } from '../decision.js'
import type { Policy } from '../policy.js'

/** What `on` can be asked for, and what the listener is given. */
export interface Events<Req> {
  /** Every decision, allowed or not. */
  decision: { readonly decision: Decision; readonly request: Req }
  /** A decision that denied, or with `shadow: true` one that a shadow policy would have. */
  denied: { readonly decision: Decision; readonly request: Req; readonly shadow: boolean }
  /** A take that carried a policy's used share over one of its `warnAt`; once per crossing. */
  warning: { readonly policy: Policy; readonly key: string; readonly share: number; readonly request: Req }
  /** Something threw: a function of the limit's options, its store, or a listener. */
  error: { readonly error: unknown; readonly request: Req }
}

export type Listener<Event> = (event: Event) => void

type Listeners<Req> = { readonly [Name in keyof Events<Req>]: Set<Listener<Events<Req>[Name]>> }

/** Typed events; a listener that throws is told of by `error` and hurts no request. */
export class Emitter<Req> {
  readonly #listeners: Listeners<Req> = {
    decision: new Set(),
    denied: new Set(),
    warning: new Set(),
    error: new Set(),
  }
  #size = 0

  /** How many listen to anything: where it is 0, nothing has to be told. */
  get size(): number {
    return this.#size
  }

  /** @returns a function that takes the listener off again. */
  on<Name extends keyof Events<Req>>(name: Name, listener: Listener<Events<Req>[Name]>): () => void {
    const listeners = this.#listeners[name]
    listeners.add(listener)
    this.#count()
    return () => {
      listeners.delete(listener)
      this.#count()
    }
  }

  #count(): void {
    this.#size = Object.values(this.#listeners).reduce((sum, listeners) => sum + listeners.size, 0)
  }

  hears(name: keyof Events<Req>): boolean {
    return this.#listeners[name].size > 0
  }

  emit<Name extends keyof Events<Req>>(name: Name, event: Events<Req>[Name]): void {
    for (const listener of this.#listeners[name]) {
      try {
        listener(event)
      } catch (error) {
        if (name !== 'error') this.emit('error', { error, request: event.request })
      }
    }
  }
}

/** Node's diagnostics channel, for whoever observes a whole process; absent elsewhere. */
export const decisionChannel: Channel | undefined = builtin('node:diagnostics_channel')?.channel('sluice:decision')
