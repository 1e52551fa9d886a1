import type { Policy } from '../policies/policy.js'
import { type Filled, fullOf, type PeriodStanding, type Standing } from './standing.js'

/** What header fields report of a standing. */
export interface ReportedStanding extends Pick<Standing, 'allowed' | 'remaining' | 'moreAfterMs' | 'retryAfterMs'> {
  /** The partition key's digest, where clients are to see it. */
  readonly pk?: string | undefined
  /** Units that this request has reserved by an estimate: nobody is warned of them yet. */
  readonly pending?: number | undefined
  /** Of a calendar quota. */
  readonly period?: PeriodStanding | undefined
  readonly policy: Pick<Policy, 'name' | 'quota' | 'capacity' | 'shadow' | 'warnAt'> & {
    readonly unit: string
    readonly windowMs: number | null
  }
}

/** See `Decision.binding`; shadow policies never bind. */
export function bindingOf<S extends ReportedStanding>(standings: readonly S[]): S | undefined {
  let binding: S | undefined
  for (const standing of standings) {
    if (standing.policy.shadow) continue
    if (binding === undefined || bindsMore(standing, binding)) binding = standing
  }
  return binding
}

/** Shares are of the capacity: a bucket with a burst is full at its burst, not at its quota. */
function bindsMore(a: ReportedStanding, b: ReportedStanding): boolean {
  if (a.allowed !== b.allowed) return b.allowed
  return a.allowed ? shareLeft(a) < shareLeft(b) : a.retryAfterMs > b.retryAfterMs
}

function shareLeft(standing: Filled): number {
  return standing.remaining / fullOf(standing)
}
