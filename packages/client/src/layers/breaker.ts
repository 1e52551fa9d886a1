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
    // A probe that was never answered proves nothing: it must not close the circuit.
    const isCounted = (): boolean => this.#circuit.state === CircuitState.HalfOpen
    this.#circuit = circuitBreaker(handleWhen(isCounted).orWhenResult(isFailure), {
      breaker: new CountBreaker({ threshold: share, size: calls, minimumNumberOfCalls: leastCalls }),
      halfOpenAfter: new DelegateBackoff(({ result }) => {
        const forMs = openFor(result, openMs)
        this.#openUntil = Date.now() + forMs
        return forMs
      }),
    })
    this.#circuit.onBreak(() => told.opened(this.#openUntil))
    this.#circuit.onReset(() => told.closed())
  }

  get state(): 'closed' | 'open' | 'half-open' {
    if (this.#circuit.state === CircuitState.HalfOpen) return 'half-open'
    return this.#circuit.state === CircuitState.Closed ? 'closed' : 'open'
  }

  /** When the next call is let through, in Unix milliseconds; in the past while it is closed. */
  get openUntil(): number {
    return this.#openUntil
  }

  /** @throws {BreakerOpenError} where it is open. */
  async execute<T>(attempt: () => Promise<Finished<T>>): Promise<Finished<T>> {
    try {
      return await this.#circuit.execute(attempt)
    } catch (error) {
      throw error instanceof BrokenCircuitError ? new BreakerOpenError(this.#key, this.#openUntil) : error
    }
  }
}

interface BreakerListener {
  opened(until: number): unknown
  closed(): void
}

function isFailure(finished: unknown): boolean {
  return (finished as Finished<unknown>).verdict.isFailure
}

/** As long as a 503's `Retry-After` says; not at all after a probe that was never answered: the next call is one. */
function openFor(
  result: { readonly value?: unknown; readonly error?: unknown } | { readonly success: unknown },
  openMs: number,
): number {
  if (!('value' in result)) return 0
  const { verdict } = result.value as Finished<unknown>
  const { retryAt } = verdict.report
  return verdict.status === 503 && retryAt !== null ? Math.max(0, retryAt - Date.now()) : openMs
}
