import type { Decision } from '@sluice/core'
import type { Observable } from '@sluice/core/observe'

/** What is shown of every decision. */
export interface DecisionRow {
  /** Unix milliseconds. */
  readonly at: number
  readonly key: string
  /** The policy that decided. */
  readonly policy: string | undefined
  /** `null` where no wait helps. */
  readonly retryAfterMs: number | null
  readonly route: string | undefined
}

export function rowOf({ key, binding, retryAfterMs }: Decision, observable: Observable, request: unknown): DecisionRow {
  return {
    at: Date.now(),
    key: key.slice(0, 200),
    policy: binding?.policy.name,
    retryAfterMs: finite(retryAfterMs),
    route: request === undefined ? undefined : observable.routeOf(request),
  }
}

/** JSON has no infinity: `null` stands for it. */
export function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null
}
