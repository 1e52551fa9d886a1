/** The listeners of all calls on one signal: it has one of ours, however many calls share it and for how long. */
class SignalHub {
  readonly #signal: AbortSignal
  readonly #listeners = new Set<() => void>()

  constructor(signal: AbortSignal) {
    this.#signal = signal
  }

  add(listener: () => void): void {
    if (this.#listeners.size === 0) this.#signal.addEventListener('abort', this.#aborted)
    this.#listeners.add(listener)
  }

  delete(listener: () => void): void {
    this.#listeners.delete(listener)
    if (this.#listeners.size === 0) this.#signal.removeEventListener('abort', this.#aborted)
  }

  readonly #aborted = (): void => {
    const listeners = [...this.#listeners]
    this.#listeners.clear()
    for (const listener of listeners) listener()
  }
}

const hubs = new WeakMap<AbortSignal, SignalHub>()

/** Calls back once when a signal is aborted. Returns a function that stops listening. */
export function whenAborted(signal: AbortSignal, callback: () => void): () => void {
  let hub = hubs.get(signal)
  if (hub === undefined) {
    hub = new SignalHub(signal)
    hubs.set(signal, hub)
  }
  // A listener of its own, also where the same function is given twice.
  const listener = (): void => callback()
  hub.add(listener)
  return () => hub.delete(listener)
}
