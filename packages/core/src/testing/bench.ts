import type { Decision } from '../decisions/decision.js'
import type { Standing } from '../decisions/standing.js'
import { createLimiter, type Limiter } from '../limiter/limiter.js'
import type { Policy } from '../policies/policy.js'
import type { Store } from '../stores/store.js'

/** A store under test, with a clock that stands still until it is set. */
export class StoreBench {
  readonly store: Store
  readonly #time: { now: number }

  constructor(store: Store, time: { now: number }) {
    this.store = store
    this.#time = time
  }

  get now(): number {
    return this.#time.now
  }

  set now(ms: number) {
    this.#time.now = ms
  }

  limiter(policies: Policy | readonly Policy[], name = 'spec'): Limiter<Store> {
    return createLimiter({ policies: policies as Policy, name, store: this.store, timeoutMs: 10_000 })
  }
}

/** What a decision says, in numbers that can be compared. */
export function outcomeOf({ allowed, standings }: Decision): unknown {
  return [allowed, ...standings.map(numbers)]
}

/** The same of its standings alone. */
export function standingsOf({ standings }: Decision): unknown {
  return standings.map(numbers)
}

export function remaining(decision: Decision): number | undefined {
  return decision.standings[0]?.remaining
}

function numbers(standing: Standing): readonly (number | boolean | null)[] {
  const { allowed, remaining, debt, moreAfterMs, retryAfterMs, resetAfterMs, delayMs } = standing
  return [allowed, remaining, debt, moreAfterMs, retryAfterMs, resetAfterMs, delayMs]
}
