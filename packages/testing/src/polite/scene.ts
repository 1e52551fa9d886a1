import { setTimeout as sleep } from 'node:timers/promises'
import { describe } from '@sluice/core/runtime'
import { type MockApi, mockApi } from '../mock/mock-api.js'
import type { MockApiOptions } from '../mock/options.js'
import type { Finding, PoliteClient } from './report.js'
import { failed } from './report.js'

/** What a check is made with: the client, and mocks that speak the dialect of the one that was given. */
export interface Stage {
  readonly client: PoliteClient
  readonly like: Pick<MockApiOptions, 'preset' | 'openapi' | 'respond'>
  /** Whether the dialect says what remains and when there is more. */
  readonly reportsRemaining: boolean
}

/** One call by the client. */
export interface Call {
  /** Whether it has resolved or rejected. */
  readonly isSettled: boolean
  /** What it rejected with, in a sentence; `undefined` for none. */
  readonly error: string | undefined
  /** Resolves when the call has settled, or so many milliseconds have passed. */
  settled(mostMs: number): Promise<void>
  abort(): void
}

/** Plays a scene with a mock of its own, whose connections end with it. A client that sends nothing has failed. */
export async function scene(
  { client, like }: Stage,
  options: Pick<MockApiOptions, 'limits' | 'faults'>,
  play: (mock: MockApi, call: () => Call) => Promise<Finding>,
): Promise<Finding> {
  const mock = await mockApi({ ...like, ...options })
  const calls: Call[] = []
  const call = (): Call => {
    const made = callBy(client, mock.url)
    calls.push(made)
    return made
  }
  try {
    const finding = await play(mock, call)
    if (mock.requests.length > 0) return finding
    const error = calls.find((one) => one.error !== undefined)?.error
    return failed(`It sent no request to the URL that it was given${error === undefined ? '.' : `: ${error}`}`)
  } finally {
    for (const one of calls) one.abort()
    await mock.close()
  }
}

/** Resolves once the condition holds, or so many milliseconds have passed. */
export async function until(condition: () => boolean, mostMs: number): Promise<void> {
  const end = performance.now() + mostMs
  while (!condition() && performance.now() < end) await sleep(10)
}

function callBy(client: PoliteClient, url: string): Call {
  const controller = new AbortController()
  const call = { isSettled: false, error: undefined as string | undefined }
  const end = (error?: string): void => {
    call.isSettled = true
    call.error = error
  }
  // Also what throws at once is a rejection.
  const done = Promise.resolve()
    .then(() => client(url, { signal: controller.signal }))
    .then(
      () => end(),
      (error) => end(describe(error)),
    )
  return Object.assign(call, {
    async settled(mostMs: number): Promise<void> {
      const timeout = new AbortController()
      await Promise.race([done, sleep(mostMs, undefined, { signal: timeout.signal }).catch(() => undefined)])
      timeout.abort()
    },
    abort: () => controller.abort(),
  })
}
