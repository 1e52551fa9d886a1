import { EventEmitter } from 'node:events'
import type { RequestReader, ResponseLike } from '@sluice/core/http'
import type { FieldName, LogEntry, WantedFields } from '../logs/entry.js'

/** What a limit's functions can read of a line. */
export interface ReplayedRequest {
  readonly ip: string
  readonly method: string
  readonly url: string
  readonly path: string
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly user: string | undefined
}

/** Headers that functions ask for: they have to be known before a log is read. */
export class ReplayedRequests {
  readonly #places: ReadonlyMap<string, number>
  readonly #userAt: number
  /** The headers that no line has had so far. */
  readonly #missing: Set<string>

  constructor(headers: ReadonlySet<string>, wanted: WantedFields) {
    this.#places = new Map([...headers].map((name) => [name, wanted.place(fieldOf(name))]))
    this.#missing = new Set(headers)
    this.#userAt = wanted.place({ kind: 'known', name: 'user' })
  }

  get missing(): readonly string[] {
    return [...this.#missing]
  }

  of({ ip, method, path, values }: LogEntry): ReplayedRequest {
    const headers: Record<string, string | undefined> = {}
    for (const [name, place] of this.#places) {
      const value = values[place]
      if (value === undefined) continue
      headers[name] = value
      this.#missing.delete(name)
    }
    return { ip, method, url: path, path, headers, user: values[this.#userAt] }
  }
}

function fieldOf(header: string): FieldName {
  return header === 'user-agent' ? { kind: 'known', name: header } : { kind: 'header', name: header }
}

/** Calls a function with a request that notes which headers it reads; what it returns or throws does not matter. */
export function headersReadBy(use: (request: ReplayedRequest) => unknown): ReadonlySet<string> {
  const read = new Set<string>()
  const note = (name: string | symbol): undefined => {
    if (typeof name === 'string' && /^[a-z][\w-]*$/.test(name)) read.add(name)
    return undefined
  }
  const headers = new Proxy(
    {},
    {
      get: (_, name) => note(name),
      has: (_, name) => note(name) ?? false,
      getOwnPropertyDescriptor: (_, name) => note(name),
    },
  )
  try {
    const made = use({ ip: '192.0.2.1', method: 'GET', url: '/', path: '/', headers, user: undefined })
    if (made instanceof Promise) made.catch(() => undefined)
  } catch {
    // It read what it read.
  }
  return read
}

export const replayedReader: RequestReader<ReplayedRequest> = {
  ip: (request) => request.ip,
  peer: (request) => request.ip,
  headers: (request) => request.headers,
  proxies: () => 'chosen',
  target: ({ method, url }) => ({ method, url }),
  trustAdvice: 'the log has the addresses that the server saw',
}

/** The response of a line: it is over as soon as it was admitted. */
export class ReplayedResponse extends EventEmitter implements ResponseLike {
  readonly statusCode: number
  headersSent = false
  writableEnded = false

  constructor(status: number) {
    super()
    this.statusCode = status
  }

  finish(): void {
    this.headersSent = true
    this.writableEnded = true
    this.emit('finish')
    this.emit('close')
  }
}
