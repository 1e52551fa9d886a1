import type { OutgoingRequest } from './outgoing-request.js'

/** A request that is under way, for all who have asked for the same. */
interface Flight {
  readonly response: Promise<Response>
  readonly abort: AbortController
  callers: number
}

/** Sends one request for identical ones at the same time: GET and HEAD, with the same URL, fields and options. */
export class Coalescing {
  readonly #flights = new Map<string, Flight>()

  /** @param send sends it, with a signal that is aborted when nobody waits for it any more. */
  fetch(request: OutgoingRequest, send: (signal: AbortSignal) => Promise<Response>): Promise<Response> | undefined {
    const id = request.identity
    if (id === undefined) return undefined
    const { signal } = request
    if (signal?.aborted === true) return Promise.reject(signal.reason)
    let flight = this.#flights.get(id)
    if (flight === undefined) {
      flight = this.#begin(id, send)
      this.#flights.set(id, flight)
    }
    return this.#join(id, flight, signal)
  }

  #begin(id: string, send: (signal: AbortSignal) => Promise<Response>): Flight {
    const abort = new AbortController()
    const response = send(abort.signal)
    const landed = (): void => {
      if (this.#flights.get(id)?.response === response) this.#flights.delete(id)
    }
    response.then(landed, landed)
    return { response, abort, callers: 0 }
  }

  #join(id: string, flight: Flight, signal: AbortSignal | undefined): Promise<Response> {
    flight.callers += 1
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        flight.callers -= 1
        if (flight.callers === 0) {
          this.#flights.delete(id)
          flight.abort.abort(signal?.reason)
        }
        reject(signal?.reason)
      }
      signal?.addEventListener('abort', leave, { once: true })
      const landed = (): void => signal?.removeEventListener('abort', leave)
      flight.response.then(
        (response) => {
          landed()
          flight.callers -= 1
          // Each has a body of its own; the last one takes the response itself.
          resolve(flight.callers > 0 ? response.clone() : response)
        },
        (error) => {
          landed()
          reject(error)
        },
      )
    })
  }
}
