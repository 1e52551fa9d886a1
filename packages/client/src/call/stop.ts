import { ignore } from './defuse.js'
import { whenAborted } from './signal-hub.js'

/** What ends a call before its time: its caller's signal, its deadline, or nobody's interest in it any more. */
export class Stop {
  #stopWatching: (() => void) | undefined
  #timer: ReturnType<typeof setTimeout> | undefined
  #listeners: (() => void)[] = []
  #aborted = false
  #reason: unknown

  /** @param late what a call past its deadline fails with. */
  constructor(signal: AbortSignal | undefined, deadlineMs: number | undefined, late: () => unknown) {
    if (signal?.aborted === true) {
      this.#aborted = true
      this.#reason = signal.reason
      return
    }
    if (signal !== undefined) this.#stopWatching = whenAborted(signal, () => this.abort(signal.reason))
    if (deadlineMs !== undefined) this.#timer = setTimeout(() => this.abort(late()), deadlineMs)
  }

  get aborted(): boolean {
    return this.#aborted
  }

  get reason(): unknown {
    return this.#reason
  }

  abort(reason: unknown): void {
    if (this.#aborted) return
    this.#aborted = true
    this.#reason = reason
    this.end()
    const listeners = this.#listeners
    this.#listeners = []
    for (const listener of listeners) listener()
  }

  /** The call is over: nothing is watched any more. */
  end(): void {
    this.#stopWatching?.()
    this.#stopWatching = undefined
    clearTimeout(this.#timer)
  }

  addEventListener(_event: 'abort', listener: () => void): void {
    this.#listeners.push(listener)
  }

  removeEventListener(_event: 'abort', listener: () => void): void {
    const at = this.#listeners.indexOf(listener)
    if (at >= 0) this.#listeners.splice(at, 1)
  }

  throwIfAborted(): void {
    if (this.#aborted) throw this.#reason
  }

  /** Resolves after so many milliseconds. @throws the reason, as a rejection, as soon as it is aborted. */
  sleep(ms: number): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#aborted) {
        reject(this.#reason)
        return
      }
      const timer = setTimeout(() => {
        this.removeEventListener('abort', aborted)
        resolve()
      }, ms)
      const aborted = (): void => {
        clearTimeout(timer)
        reject(this.#reason)
      }
      this.addEventListener('abort', aborted)
    })
  }

  /** What the promise becomes, unless it is aborted before. */
  race<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const aborted = (): void => reject(this.#reason)
      if (this.#aborted) {
        promise.catch(ignore)
        aborted()
        return
      }
      this.addEventListener('abort', aborted)
      promise.then(resolve, reject).finally(() => this.removeEventListener('abort', aborted))
    })
  }
}
