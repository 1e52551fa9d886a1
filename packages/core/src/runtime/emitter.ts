import { ConfigError, shown } from '../errors.js'
import { isThenable } from './thenable.js'

const NONE: readonly Listener<never>[] = []

export type Listener<Event> = (event: Event) => void

/** Typed events by name. A listener that throws or rejects harms nobody: `failed` receives the error. */
export class Emitter<Events extends object> {
  readonly #names: readonly (keyof Events & string)[]
  readonly #listeners = new Map<keyof Events, readonly Listener<never>[]>()
  readonly #failed: <Name extends keyof Events>(error: unknown, name: Name, event: Events[Name]) => void
  #size = 0
  /** Whether anybody listens, by event: read before an event is made. */
  readonly heard: { readonly [Name in keyof Events]?: boolean }

  constructor(
    names: readonly (keyof Events & string)[],
    failed: <Name extends keyof Events>(error: unknown, name: Name, event: Events[Name]) => void,
  ) {
    this.#names = names
    // All at once, so that reading one costs no look-up.
    this.heard = Object.fromEntries(names.map((name) => [name, false])) as typeof this.heard
    this.#failed = failed
  }

  /** Listeners to any event: where it is 0, nothing has to be emitted. */
  get size(): number {
    return this.#size
  }

  /**
   * @returns a function that removes the listener.
   * @throws {ConfigError} on an event that does not exist, or a listener that is no function.
   */
  on<Name extends keyof Events>(name: Name, listener: Listener<Events[Name]>): () => void {
    if (!this.#names.includes(name as keyof Events & string)) {
      throw new ConfigError(`on: there is no event ${shown(name)}. The events are: ${this.#names.join(', ')}.`)
    }
    if (typeof listener !== 'function') {
      throw new ConfigError(`on('${String(name)}') takes a function, got ${shown(listener)}.`)
    }
    // Listening twice is being called twice, and each returned function removes one.
    const own: Listener<Events[Name]> = (event) => listener(event)
    this.#set(name, [...this.#of(name), own])
    return () => {
      this.#set(
        name,
        this.#of(name).filter((listener) => listener !== own),
      )
    }
  }

  /** To those who listen now: one that is added meanwhile hears the next event. */
  emit<Name extends keyof Events>(name: Name, event: Events[Name]): void {
    for (const listener of this.#of(name) as readonly Listener<Events[Name]>[]) {
      try {
        const result: unknown = listener(event)
        if (isThenable(result)) Promise.resolve(result).catch((error) => this.#failed(error, name, event))
      } catch (error) {
        this.#failed(error, name, event)
      }
    }
  }

  #of(name: keyof Events): readonly Listener<never>[] {
    return this.#listeners.get(name) ?? NONE
  }

  #set(name: keyof Events, listeners: readonly Listener<never>[]): void {
    this.#size += listeners.length - this.#of(name).length
    this.#listeners.set(name, listeners)
    Object.assign(this.heard, { [name]: listeners.length > 0 })
  }
}
