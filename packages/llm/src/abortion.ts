/** How the call that a request makes is aborted. Its signal is only made where somebody wants it. */
export class Abortion {
  #controller: AbortController | undefined
  /** Why nobody waits any more. */
  #reason: Error | undefined

  /** Whether somebody has the signal, who then ends the call. */
  get isWatched(): boolean {
    return this.#controller !== undefined
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController()
      if (this.#reason !== undefined) this.#controller.abort(this.#reason)
    }
    return this.#controller.signal
  }

  abort(reason: Error): void {
    if (this.#reason !== undefined) return
    this.#reason = reason
    this.#controller?.abort(reason)
  }
}

const abortions = new WeakMap<object, Abortion>()

/** One for each request, however many limits it meets. */
export function abortionOf(request: object): Abortion {
  let abortion = abortions.get(request)
  if (abortion === undefined) {
    abortion = new Abortion()
    abortions.set(request, abortion)
  }
  return abortion
}
