import { createFetch } from '@sluice/client'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { settled } from '../../packages/client/src/testing.test-helper.ts'

beforeEach(() => {
  vi.useFakeTimers({ now: Date.UTC(2026, 0, 1) })
})
afterEach(() => {
  vi.useRealTimers()
})

/** What a server does with one request. */
const answer = fc.oneof(
  { weight: 3, arbitrary: fc.constant({ status: 200, hintMs: undefined, afterMs: 5 }) },
  fc.record({
    status: fc.constantFrom(429, 500, 503, 408, 404, 0),
    hintMs: fc.option(fc.integer({ min: 1, max: 4_000 }), { nil: undefined }),
    afterMs: fc.integer({ min: 0, max: 400 }),
  }),
)

const options = fc.record({
  attempts: fc.integer({ min: 1, max: 5 }),
  jitter: fc.constantFrom('full' as const, 'equal' as const, 'decorrelated' as const, 'none' as const),
  budget: fc.constantFrom({ share: 0.2, perSecond: 1 }, { share: 0, perSecond: 0.5 }),
  deadlineMs: fc.option(fc.integer({ min: 100, max: 8_000 }), { nil: undefined }),
  attemptTimeoutMs: fc.option(fc.integer({ min: 50, max: 500 }), { nil: undefined }),
  maxWaitMs: fc.integer({ min: 0, max: 5_000 }),
  concurrency: fc.option(fc.integer({ min: 1, max: 3 }), { nil: undefined }),
})

const call = fc.record({
  atMs: fc.integer({ min: 0, max: 3_000 }),
  leaveMs: fc.option(fc.integer({ min: 0, max: 3_000 }), { nil: undefined }),
})

interface Sent {
  readonly call: number
  readonly at: number
}

describe('whatever servers answer and callers do', () => {
  it('attempts, waits, aborts, gates, budgets, places and deadlines are kept to', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(answer, { minLength: 1, maxLength: 30 }),
        options,
        fc.array(call, { minLength: 1, maxLength: 20 }),
        async (answers, given, calls) => {
          const began = Date.now()
          const { attempts, jitter, budget, ...rest } = given
          const sent: Sent[] = []
          let [inside, most] = [0, 0]
          const hints: { readonly from: number; readonly until: number }[] = []
          const left = new Map<number, number>()
          const fetch = (input: Parameters<typeof globalThis.fetch>[0], init?: RequestInit): Promise<Response> => {
            const number = Number(new URL(String(input)).searchParams.get('n'))
            const { status, hintMs, afterMs } = answers[sent.length % answers.length] ?? {
              status: 200,
              hintMs: undefined,
              afterMs: 0,
            }
            sent.push({ call: number, at: Date.now() })
            inside += 1
            most = Math.max(most, inside)
            return new Promise((resolve, reject) => {
              const over = (): void => {
                if (isInside) inside -= 1
                isInside = false
              }
              let isInside = true
              const timer = setTimeout(() => {
                over()
                if (status === 0)
                  return reject(
                    new TypeError('fetch failed', { cause: Object.assign(new Error('reset'), { code: 'ECONNRESET' }) }),
                  )
                const headers: Record<string, string> = hintMs === undefined ? {} : { 'retry-after-ms': String(hintMs) }
                if (hintMs !== undefined && (status === 429 || status === 503)) {
                  hints.push({ from: Date.now(), until: Date.now() + hintMs })
                }
                return resolve(new Response(null, { status, headers }))
              }, afterMs)
              init?.signal?.addEventListener('abort', () => {
                clearTimeout(timer)
                over()
                reject(init.signal?.reason)
              })
            })
          }
          const api = createFetch({
            fetch: fetch as typeof globalThis.fetch,
            retry: { attempts, jitter, budget, baseMs: 50 },
            ...rest,
          })
          let retries = 0
          api.on('retry', () => {
            retries += 1
          })
          const ends: { readonly number: number; readonly tookMs: number }[] = []
          const all = calls.map(async ({ atMs, leaveMs }, number) => {
            await new Promise((resolve) => setTimeout(resolve, atMs))
            const controller = new AbortController()
            const begins = Date.now()
            if (leaveMs !== undefined) {
              setTimeout(() => {
                left.set(number, Date.now())
                controller.abort(`left ${number}`)
              }, leaveMs)
            }
            await api(`https://a.example/?n=${number}`, { signal: controller.signal }).catch(() => undefined)
            ends.push({ number, tookMs: Date.now() - begins })
          })
          await settled(Promise.all(all))
          const forMs = Date.now() - began

          for (const number of calls.keys()) {
            expect(sent.filter((one) => one.call === number).length).toBeLessThanOrEqual(attempts)
          }
          for (const { call: number, at } of sent)
            expect(at).toBeLessThanOrEqual(left.get(number) ?? Number.POSITIVE_INFINITY)
          for (const { from, until } of hints) {
            for (const { at } of sent) expect(at <= from || at >= until).toBe(true)
          }
          expect(retries).toBeLessThanOrEqual(budget.share * calls.length + budget.perSecond * (10 + forMs / 1_000))
          if (rest.concurrency !== undefined) expect(most).toBeLessThanOrEqual(rest.concurrency)
          if (rest.deadlineMs !== undefined) {
            for (const { tookMs } of ends) expect(tookMs).toBeLessThanOrEqual(rest.deadlineMs + 1)
          }
          for (const { number, tookMs } of ends) {
            const leaveMs = calls[number]?.leaveMs
            if (leaveMs !== undefined) expect(tookMs).toBeLessThanOrEqual(leaveMs + 1)
          }
          expect(inside).toBe(0)
          expect(api.state()).toMatchObject([{ calls: 0, paced: 0, queued: 0 }])
          await vi.runOnlyPendingTimersAsync()
        },
      ),
      { numRuns: 300 },
    )
  }, 60_000)
})
