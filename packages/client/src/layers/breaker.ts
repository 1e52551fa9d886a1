import {
  BrokenCircuitError,
  type CircuitBreakerPolicy,
  CircuitState,
  CountBreaker,
  circuitBreaker,
  DelegateBackoff,
  handleWhen,
} from 'cockatiel'
import type { Finished } from '../call/finished.js'
import { BreakerOpenError } from '../errors.js'

export interface BreakerTerms {
  /** The share of failures that opens it. */
  readonly share: number
  /** The last so many calls are looked at. */
  readonly calls: number
  /** Fewer calls do not open it. */
  readonly leastCalls: number
  /** How long it stays open where the server does not say. */
  readonly openMs: number
}

interface BreakerListener {
  opened(until: number): void
  closed(): void
}

/**
 * Keeps calls from a key that fails: cockatiel's circuit breaker, over what attempts came to. What is thrown inside was never
 * answered (an abort, a closed gate) and counts for nothing.
 */
export class Breaker {
  readonly #key: string
  readonly #circuit: CircuitBreakerPolicy
  #openUntil = 0

  constructor(key: string, { share, calls, leastCalls, openMs }: BreakerTerms, told: BreakerListener) {
    this.#key = key
    this.#circuit = circuitBreaker(handleWhen((error) => error instanceof ProbeLost).orWhenResult(isFailure), {
      breaker: new CountBreaker({ threshold: share, size: calls, minimumNumberOfCalls: leastCalls }),
      halfOpenAfter: new DelegateBackoff(({ result }) => {
        const forMs = openFor(result, openMs)
        this.#openUntil = Date.now() + forMs
        // Not after a lost probe: the next call is one.
        if (forMs > 0) told.opened(this.#openUntil)
        return forMs
      }),
    })
    this.#circuit.onReset(() => told.closed())
  }

  get state(): 'closed' | 'open' | 'half-open' {
    if (this.#circuit.state === CircuitState.HalfOpen) return 'half-open'
    return this.#circuit.state === CircuitState.Closed ? 'closed' : 'open'
  }

  /** Until when no call is let through, in Unix milliseconds; in the past otherwise. */
  get openUntil(): number {
    return this.#circuit.state === CircuitState.Open ? this.#openUntil : 0
  }

  /** @throws {BreakerOpenError} where it is open. */
  async execute<T>(attempt: () => Promise<Finished<T>>): Promise<Finished<T>> {
    try {
      return await this.#circuit.execute(() => {
        // The first call after it was open is asked to run while it still is; the others wait for its result.
        return this.#circuit.state === CircuitState.Closed ? attempt() : probing(attempt)
      })
    } catch (error) {
      if (error instanceof ProbeLost) throw error.reason
      throw error instanceof BrokenCircuitError ? new BreakerOpenError(this.#key, this.#openUntil) : error
    }
  }
}

/** A probe that was never answered proves nothing: it must neither close the circuit nor keep it open. */
class ProbeLost extends Error {
  readonly reason: unknown

  constructor(reason: unknown) {
    super('The probe was not answered.')
    this.reason = reason
  }
}

async function probing<T>(attempt: () => Promise<Finished<T>>): Promise<Finished<T>> {
  try {
    return await attempt()
  } catch (error) {
    throw new ProbeLost(error)
  }
}

function isFailure(finished: unknown): boolean {
  return (finished as Finished<unknown>).verdict.isFailure
}

/** As long as a 503's `Retry-After` says; not at all after a probe that was lost. */
function openFor(result: object, openMs: number): number {
  if (!('value' in result)) return 0
  const { verdict } = result.value as Finished<unknown>
  const { retryAt } = verdict.report
  return verdict.status === 503 && retryAt !== null ? Math.max(1, retryAt - Date.now()) : openMs
}
