export type Listener<Event> = (event: Event) => void

/** Typed events by name. A listener that throws hurts nobody: `failed` is told. */
export class Emitter<Events extends object> {
  readonly #listeners = new Map<keyof Events, Set<Listener<never>>>()
  readonly #failed: <Name extends keyof Events>(error: unknown, name: Name, event: Events[Name]) => void
  #size = 0

  constructor(failed: <Name extends keyof Events>(error: unknown, name: Name, event: Events[Name]) => void) {
    this.#failed = failed
  }

  /** How many listen to anything: where it is 0, nothing has to be told. */
  get size(): number {
    return this.#size
  }

  /** @returns a function that takes the listener off again. */
  on<Name extends keyof Events>(name: Name, listener: Listener<Events[Name]>): () => void {
    const listeners = this.#listeners.get(name) ?? new Set()
    this.#listeners.set(name, listeners.add(listener))
    this.#count()
    return () => {
      listeners.delete(listener)
      this.#count()
    }
  }

  hears(name: keyof Events): boolean {
    return (this.#listeners.get(name)?.size ?? 0) > 0
  }

  emit<Name extends keyof Events>(name: Name, event: Events[Name]): void {
    for (const listener of (this.#listeners.get(name) ?? []) as Iterable<Listener<Events[Name]>>) {
      try {
        listener(event)
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
