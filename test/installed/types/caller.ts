import {
  type ClientEvents,
  createClient,
  createFetch,
  dispatcher,
  parseRateLimit,
  RetryAfterError,
} from '@sluice/client'
import { quota } from '@sluice/quota'

export const api: typeof fetch = createFetch({
  limits: ['10/s', quota('10k/month')],
  retry: { jitter: (ms) => ms / 2 },
})
export const other = createFetch({
  limits: '60/min',
  cost: ({ url }) => url.length,
  concurrency: { max: 4 },
  deadlineMs: undefined,
})
// @ts-expect-error: a text that no limit can have
createFetch({ limits: '60/mintue' })
// @ts-expect-error: an option of its other half
createClient({ coalesce: true })

export const stop = other.on('retry', ({ waitMs }: ClientEvents['retry']) => waitMs)
export const length: Promise<number> = other.execute(async ({ signal, attempt }) => (signal.aborted ? attempt : 1), {
  key: 'a',
})
export const interceptor = dispatcher({ limits: '10/s' })
export const at: number | null = parseRateLimit({ 'retry-after': '5' }).retryAt
export const isLater = (error: unknown): boolean => error instanceof RetryAfterError && error.retryAt > Number(at)
