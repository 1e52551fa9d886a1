import { findViolations } from '../violations/find-violations.js'
import type { Violation } from '../violations/violation.js'
import { MockServer } from './mock-server.js'
import { type CheckedMock, checkMock, type MockApiOptions } from './options.js'
import type { ReceivedRequest } from './received-request.js'

/** A limited API that runs in this process, and remembers how its clients behave. */
export interface MockApi extends AsyncDisposable {
  /** Its origin, without a slash at the end: `'http://127.0.0.1:49152'`. */
  readonly url: string
  readonly port: number
  /** What was received since it was made or reset, in the order of arrival: the last 10,000 requests at least. */
  readonly requests: readonly ReceivedRequest[]
  /** What clients did wrong, in the order in which it happened. */
  readonly violations: readonly Violation[]
  /** Forgets requests and violations, fills all buckets, counts faults anew, and ends the requests that are still open. */
  reset(): void
  /** Ends all connections at once, also those that hang. */
  close(): Promise<void>
}

/**
 * Starts a server on the loopback address that limits with the real engine and speaks the dialect of a well-known API.
 * @example
 * const mock = await mockApi({ limits: ['5/10s', '100k tokens/min'], preset: 'openai' })
 * const client = new OpenAI({ baseURL: `${mock.url}/v1`, apiKey: 'test' })
 * …
 * assert.deepEqual(mock.violations, [])
 * await mock.close()
 * @throws {ConfigError} on an option that cannot be right, and where the port is taken; as a rejection.
 */
export async function mockApi(options: MockApiOptions = {}): Promise<MockApi> {
  const checked = checkMock(options)
  const server = new MockServer(checked)
  const port = await server.listen()
  const close = (): Promise<void> => server.close()
  const mock: MockApi = {
    url: `http://127.0.0.1:${port}`,
    port,
    get requests() {
      return server.log.logged.map(({ request }) => request)
    },
    get violations() {
      return findViolations(server.log.logged)
    },
    reset: () => server.reset(),
    close,
    [Symbol.asyncDispose]: close,
  }
  optionsByMock.set(mock, checked)
  return mock
}

const optionsByMock = new WeakMap<object, CheckedMock>()

/** What a mock was made with; `undefined` for what is none. */
export function optionsOf(mock: object): MockApiOptions | undefined {
  const known = optionsByMock.get(mock)
  if (known === undefined) return undefined
  const { speaks: _speaks, ...options } = known
  return options
}
