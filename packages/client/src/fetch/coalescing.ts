import { ignore } from '../call/defuse.js'
import { whenAborted } from '../call/signal-hub.js'
import { attemptsOf, noteAttempts } from '../call/work.js'
import { holdWithSignal } from './held-response.js'
import type { OutgoingRequest } from './outgoing-request.js'

/** A request that is under way, for all who have asked for the same. */
interface Flight {
  readonly response: Promise<Response>
  /** `undefined` where the first caller cannot leave. */
  readonly abort: AbortController | undefined
  /** Callers that have not left. */
  callers: number
  /** Callers that have not been given the response. */
  waiting: number
}

/** Sends one request for identical ones at the same time: GET and HEAD, with the same URL, fields and options. */
export class Coalescing {
  readonly #flights = new Map<string, Flight>()

  /** @param send sends it, with a signal that is aborted when nobody waits for it any more. */
  fetch(
    request: OutgoingRequest,
    send: (signal: AbortSignal | undefined) => Promise<Response>,
  ): Promise<Response> | undefined {
    const id = request.identity
    if (id === undefined) return undefined
    const { signal } = request
    if (signal?.aborted === true) return Promise.reject(signal.reason)
    let flight = this.#flights.get(id)
    if (flight === undefined) {
      flight = this.#begin(id, send, signal !== undefined)
      this.#flights.set(id, flight)
    }
    return this.#join(id, flight, signal)
  }

  #begin(id: string, send: (signal: AbortSignal | undefined) => Promise<Response>, mayEnd: boolean): Flight {
    const abort = mayEnd ? new AbortController() : undefined
    const response = send(abort?.signal)
    const landed = (): void => {
      if (this.#flights.get(id)?.response === response) this.#flights.delete(id)
    }
    response.then(landed, landed)
    return { response, abort, callers: 0, waiting: 0 }
  }

  #join(id: string, flight: Flight, signal: AbortSignal | undefined): Promise<Response> {
    flight.callers += 1
    flight.waiting += 1
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        flight.callers -= 1
        if (flight.callers === 0) {
          if (this.#flights.get(id) === flight) this.#flights.delete(id)
          flight.abort?.abort(signal?.reason)
        }
      }
      const stopWatching =
        signal === undefined
          ? undefined
          : whenAborted(signal, () => {
              flight.waiting -= 1
              leave()
              reject(signal.reason)
            })
      flight.response.then(
        (response) => {
          stopWatching?.()
          if (signal?.aborted === true) return
          flight.waiting -= 1
          // Each has a body of its own: the last takes the response itself.
          try {
            const own = flight.waiting > 0 ? copyOf(response) : response
            resolve(signal === undefined ? own : holdWithSignal(own, signal, ignore, leave))
          } catch (error) {
            reject(error)
          }
        },
        (error) => {
          stopWatching?.()
          reject(error)
        },
      )
    })
  }
}

function copyOf(response: Response): Response {
  const copy = response.clone()
  const attempts = attemptsOf(response)
  if (attempts !== undefined) noteAttempts(copy, attempts)
  return copy
}
