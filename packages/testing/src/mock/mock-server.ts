import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { ConfigError, memoryStore, type Store } from '@sluice/core'
import { describe, isThenable, warn } from '@sluice/core/runtime'
import { Answering } from './answering.js'
import { type MockTime, mockTime } from './clocks.js'
import type { LoggedRequest } from './logged-request.js'
import type { CheckedMock } from './options.js'
import type { ReceivedRequest } from './received-request.js'
import { RequestLog } from './request-log.js'

/** The server of a mock API, and the log of what it has received. */
export class MockServer {
  readonly log: RequestLog = new RequestLog()
  readonly #options: CheckedMock
  readonly #server: Server
  readonly #time: MockTime
  readonly #store: Store
  readonly #answering: Answering
  /** Requests of before a reset do not count afterwards. */
  readonly #open = new Map<ServerResponse, LoggedRequest>()

  /** @throws {ConfigError} on an option that cannot be right. */
  constructor(options: CheckedMock) {
    const { clock } = options
    this.#options = options
    this.#time = mockTime(clock)
    this.#store = clock === undefined ? memoryStore() : memoryStore({ clock })
    this.#answering = new Answering(options, this.#time, this.#store)
    this.#server = createServer((message, response) => this.#receive(message, response))
    // A client keeps its connections for as long as it likes; close() ends them.
    this.#server.keepAliveTimeout = 0
  }

  /** Listens on the loopback address. Rejects where the port is taken. */
  async listen(): Promise<number> {
    const { port = 0 } = this.#options
    this.#server.listen(port, '127.0.0.1')
    try {
      await once(this.#server, 'listening')
    } catch (error) {
      await this.#answering.close()
      throw new ConfigError(`port: mockApi() cannot listen on ${port}: ${describe(error)}`)
    }
    const address = this.#server.address()
    return typeof address === 'object' && address !== null ? address.port : port
  }

  /** Forgets what was received and counted, and ends the requests that are still open. */
  reset(): void {
    for (const response of this.#open.keys()) response.destroy()
    this.#open.clear()
    this.log.clear()
    this.#answering.reset()
    void this.#store.clear()
  }

  /** Ends all connections at once. */
  async close(): Promise<void> {
    if (this.#server.listening) {
      const closed = once(this.#server, 'close')
      this.#server.close()
      this.#server.closeAllConnections()
      await closed
    }
    await this.#answering.close()
  }

  #receive(message: IncomingMessage, response: ServerResponse): void {
    const logged = this.log.add(this.#time.now(), this.#time.idle(), message)
    this.#open.set(response, logged)
    // A connection that is reset has nobody to tell.
    response.on('error', () => undefined)
    response.once('finish', () => this.#end(response, response.statusCode))
    response.once('close', () => this.#end(response, undefined))
    void this.#answering.answer(message, response, logged)
  }

  #end(response: ServerResponse, status: number | undefined): void {
    const logged = this.#open.get(response)
    if (logged === undefined) return
    this.#open.delete(response)
    logged.request.endedAt = this.#time.now()
    logged.endedIdleMs = this.#time.idle()
    logged.request.status = status
    this.#tell(logged.request)
  }

  #tell(request: ReceivedRequest): void {
    const complain = (error: unknown): void => warn('SLUICE_TESTING', `onRequest: ${describe(error)}`)
    try {
      const answer: unknown = this.#options.onRequest?.(request)
      if (isThenable(answer)) answer.then(undefined, complain)
    } catch (error) {
      complain(error)
    }
  }
}
