import { createLimiter, type Decision, fixedWindow, ledger, type Store, tokenBucket } from '@sluice/core'
import { quota } from '@sluice/quota'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { stores } from '../redis/stores.ts'

/** The clock stands still, in the middle of a month: nothing drains, so that every unit can be counted. */
const NOW = Date.UTC(2026, 5, 15)
const REQUESTS = 30
const TOKENS = 100

const units = fc.integer({ min: 0, max: TOKENS })
const one = fc.nat(20)
const steps = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: fc.record({ type: fc.constant('reserve' as const), tokens: units }) },
    { weight: 3, arbitrary: fc.record({ type: fc.constant('settle' as const), one, tokens: fc.nat(2 * TOKENS) }) },
    { weight: 1, arbitrary: fc.record({ type: fc.constant('settle requests' as const), one, requests: fc.nat(5) }) },
    { weight: 1, arbitrary: fc.record({ type: fc.constant('cancel' as const), one }) },
  ),
  { maxLength: 25 },
)

/** What one decision should count, and whether that can still change. */
interface Part {
  units: number
  isOpen: boolean
}

interface Reservation {
  readonly decision: Decision
  readonly tokens: Part
  readonly requests: Part
}

const sum = (parts: readonly Part[]): number => parts.reduce((total, part) => total + part.units, 0)
const held = (parts: readonly Part[]): number => sum(parts.filter(({ isOpen }) => isOpen))

/** Sets what a part counts; answers with whether it could be set. */
function close(part: Part | undefined, to: number): boolean {
  if (part === undefined || !part.isOpen) return false
  part.units = to
  part.isOpen = false
  return true
}

const kinds = {
  windows: [fixedWindow(`${REQUESTS}/min`), fixedWindow(`${TOKENS} tokens/min`)],
  buckets: [
    tokenBucket({ quota: REQUESTS, windowMs: 60_000 }),
    tokenBucket({ quota: TOKENS, windowMs: 60_000, unit: 'tokens' }),
  ],
  quotas: [quota(`${REQUESTS}/month`), quota(`${TOKENS} tokens/month`)],
} as const

describe.each(Object.entries(stores))('reservations in a %s store', (title, makeStore) => {
  let store: Store
  let keys = 0
  beforeAll(() => {
    store = makeStore(() => NOW) as Store
  })
  afterAll(() => store.close())

  it.each(Object.entries(kinds))(
    'count what is settled and what is held, never what is cancelled: %s',
    async (kind, [requests, tokens]) => {
      const numRuns = title === 'memory' ? 500 : 60
      await fc.assert(
        fc.asyncProperty(steps, async (trace) => {
          keys += 1
          const key = `key-${keys}`
          const billed = new Map<string, number>()
          const book = ledger({
            write: async (records) => {
              for (const { policy, units } of records) billed.set(policy, (billed.get(policy) ?? 0) + units)
            },
          })
          const limiter = createLimiter({
            name: `${kind}-${title}`,
            policies: [
              { policy: requests, name: 'requests' },
              { policy: tokens, name: 'tokens' },
            ],
            store,
            ledger: book,
            timeoutMs: 10_000,
          })
          const all: Reservation[] = []
          const counted = (unit: 'requests' | 'tokens') => all.map((each) => each[unit])
          for (const step of trace) {
            const chosen = 'one' in step && all.length > 0 ? all[step.one % all.length] : undefined
            if (step.type === 'reserve') {
              const decision = await limiter.reserve(key, { cost: { requests: 1, tokens: step.tokens } })
              const fits =
                sum(counted('requests')) + 1 <= REQUESTS &&
                (step.tokens === 0 || sum(counted('tokens')) + step.tokens <= TOKENS)
              expect(decision.allowed).toBe(fits)
              if (fits) {
                const parts = {
                  requests: { units: 1, isOpen: true },
                  tokens: { units: step.tokens, isOpen: true },
                }
                all.push({ decision, ...parts })
              } else {
                const reserved = decision.standings.map((each) => each.reserved)
                expect(reserved).toEqual([held(counted('requests')), held(counted('tokens'))])
              }
            } else if (step.type === 'settle') {
              const [first, second] = [
                chosen?.decision.settle(step.tokens, 'tokens'),
                chosen?.decision.settle(step.tokens + 1, 'tokens'),
              ]
              if (chosen !== undefined) expect(await first).toBe(close(chosen.tokens, step.tokens))
              if (chosen !== undefined) expect(await second).toBe(false)
            } else if (step.type === 'settle requests') {
              if (chosen !== undefined)
                expect(await chosen.decision.settle(step.requests, 'requests')).toBe(
                  close(chosen.requests, step.requests),
                )
            } else if (chosen !== undefined) {
              const could = [close(chosen.requests, 0), close(chosen.tokens, 0)]
              expect(await chosen.decision.cancel()).toBe(could.includes(true))
            }
          }
          const usage = await limiter.usage(key)
          const expected = { requests: sum(counted('requests')), tokens: sum(counted('tokens')) }
          const used = { requests: usage['requests']?.used, tokens: usage['tokens']?.used }
          expect(used).toEqual(expected)
          if (kind !== 'quotas') return
          await book.flush()
          const bill = { requests: billed.get('requests') ?? 0, tokens: billed.get('tokens') ?? 0 }
          expect(bill).toEqual(expected)
        }),
        { numRuns },
      )
    },
  )
})
