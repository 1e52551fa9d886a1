import { ConfigError, shown } from '../errors.js'
import { isThenable } from './thenable.js'

export type Listener<Event> = (event: Event) => void

/** Typed events by name. A listener that throws or rejects harms nobody: `failed` receives the error. */
export class Emitter<Events extends object> {
  readonly #names: readonly (keyof Events & string)[]
  readonly #listeners = new Map<keyof Events, Set<Listener<never>>>()
  readonly #failed: <Name extends keyof Events>(error: unknown, name: Name, event: Events[Name]) => void
  #size = 0

  constructor(
    names: readonly (keyof Events & string)[],
    failed: <Name extends keyof Events>(error: unknown, name: Name, event: Events[Name]) => void,
  ) {
    this.#names = names
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
    const listeners = this.#listeners.get(name) ?? new Set()
    this.#listeners.set(name, listeners.add(own))
    this.#count()
    return () => {
      listeners.delete(own)
      this.#count()
    }
  }

  hears(name: keyof Events): boolean {
    return (this.#listeners.get(name)?.size ?? 0) > 0
  }

  emit<Name extends keyof Events>(name: Name, event: Events[Name]): void {
    for (const listener of (this.#listeners.get(name) ?? []) as Iterable<Listener<Events[Name]>>) {
      try {
        const result: unknown = listener(event)
        if (isThenable(result)) Promise.resolve(result).catch((error) => this.#failed(error, name, event))
      } catch (error) {
        this.#failed(error, name, event)
      }
    }
  }

  #count(): void {
    this.#size = 0
    for (const listeners of this.#listeners.values()) this.#size += listeners.size
  }
}
