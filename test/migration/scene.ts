import type { Server } from 'node:http'
import { type Store, StoreError } from '@sluice/core'
import request from 'supertest'
import { vi } from 'vitest'

export const SECOND = 1_000
export const MINUTE = 60 * SECOND

/** The beginning of a minute and of an hour. */
export const START = Date.UTC(2026, 10, 25, 12)

/** Stops the clocks that limiters read; timers and HTTP go on. */
export function stopClocks(): void {
  vi.useFakeTimers({ toFake: ['Date', 'performance', 'hrtime'], now: START })
}

/** What supertest sends requests to. */
export type Served = Parameters<typeof request>[0] & (Server | object | string)

/** The statuses of so many requests, sent one after the other. */
export async function statuses(app: Served, count: number, path = '/'): Promise<number[]> {
  const seen: number[] = []
  for (let i = 0; i < count; i++) seen.push((await request(app).get(path)).status)
  return seen
}

/** Gaps between requests in milliseconds: bursts, pauses shorter than a minute, and pauses longer than one. */
export const GAPS: readonly number[] = [
  ...[0, 0, 0, 0, 20, 10, 40, 0, 0, 0],
  ...[61, 0, 30, 0, 29, 0, 0, 1, 0, 0],
  ...[200, 0, 0, 59, 0, 1, 0, 0, 60, 0],
].map((seconds) => seconds * SECOND)

/** A Sluice store that cannot be reached. */
export function unreachableStore(): Store {
  const fail = (): Promise<never> => Promise.reject(new Error('unreachable'))
  return {
    consume: fail,
    consumeOnce: fail,
    peek: fail,
    edit: fail,
    renew: fail,
    // What cannot be read now is not reported: that decisions fail says enough.
    readTexts: () => Promise.reject(new StoreError('unreachable')),
    writeText: fail,
    refund: fail,
    reset: fail,
    clear: fail,
    close: () => undefined,
  }
}

/** The fields of a response that report limits. */
export function limitFields(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([name]) => /ratelimit|retry-after/.test(name)))
}
