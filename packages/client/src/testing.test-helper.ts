import { afterEach, beforeEach, vi } from 'vitest'

/** A `fetch` that answers as it is told, in order, and keeps what it was sent. */
export function answering(...answers: readonly Answer[]) {
  const sent: {
    readonly at: number
    readonly url: string
    readonly init: RequestInit | undefined
    readonly body: string
  }[] = []
  const responses: Response[] = []
  const send = async (input: Parameters<typeof fetch>[0], init?: Parameters<typeof fetch>[1]): Promise<Response> => {
    const request = new Request(
      input,
      init?.body instanceof ReadableStream ? ({ duplex: 'half', ...init } as RequestInit) : init,
    )
    const index = sent.length
    const body = request.body === null ? '' : await request.text()
    sent.push({ at: Date.now(), url: request.url, init, body })
    const answer = answers[Math.min(index, answers.length - 1)] ?? 200
    if (answer instanceof Error) throw answer
    const [status, headers = {}, text = `answer ${index + 1}`] = typeof answer === 'number' ? [answer] : answer
    const response = new Response(status === 204 ? null : text, { status, headers })
    responses.push(response)
    return response
  }
  /** Milliseconds between what was sent. */
  const gaps = (): number[] => sent.slice(1).map(({ at }, i) => at - (sent[i]?.at ?? 0))
  return { fetch: send as typeof fetch, sent, responses, gaps }
}

export type Answer = number | Error | readonly [status: number, headers?: Record<string, string>, body?: string]

export const networkError = (code: string): Error =>
  new TypeError('fetch failed', { cause: Object.assign(new Error(code), { code }) })

/** Lets all timers come until a promise has settled, and says how. */
export async function settled<T>(promise: Promise<T>): Promise<{ value?: T; error?: unknown; afterMs: number }> {
  const began = Date.now()
  let outcome: { value?: T; error?: unknown } | undefined
  promise.then(
    (value) => (outcome = { value }),
    (error) => (outcome = { error }),
  )
  for (let i = 0; i < 10_000 && outcome === undefined; i++) {
    await vi.advanceTimersByTimeAsync(0)
    if (outcome === undefined && vi.getTimerCount() > 0) await vi.advanceTimersToNextTimerAsync()
  }
  if (outcome === undefined) throw new Error('It has not settled.')
  return { ...outcome, afterMs: Date.now() - began }
}

/** Resolves when it is told, in the order in which it was called. */
export function pending() {
  const open: (() => void)[] = []
  const send = (_: unknown, init?: RequestInit): Promise<Response> =>
    new Promise((resolve, reject) => {
      open.push(() => resolve(new Response('x')))
      init?.signal?.addEventListener('abort', () => reject(init.signal?.reason))
    })
  return { fetch: send as typeof fetch, open }
}

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** Lets what is due now happen. */
export const flush = (): Promise<unknown> => vi.advanceTimersByTimeAsync(0)

/** Time that stands still in all tests of a file, until they move it. */
export function standingTime(): void {
  beforeEach(() => {
    vi.useFakeTimers({ now: Date.UTC(2026, 0, 1) })
  })
  afterEach(() => {
    vi.restoreAllMocks()
    vi.useRealTimers()
  })
}
