import type { DescribedLimit } from '../limits/described-limit.js'
import { fieldSet, suffixOf } from './field-set.js'
import { type HeaderUse, RETRY_AFTER, reportingHeaders } from './header-components.js'

/** What a response of a limited operation gets. */
export interface Additions {
  readonly headers: readonly HeaderUse[]
  /** The body of a denial, where the response has none of its own; `undefined` for other responses. */
  readonly denial: 'problem' | 'any' | undefined
  /** Tells responses with other additions apart, in names of components. */
  readonly suffix: string
}

/** Statuses of denials. */
export type DenialStatus = '429' | '503'

/** What each response of an operation gets, by its status. */
export function additionsTo(limits: readonly DescribedLimit[], status: string): Additions | undefined {
  const fields = fieldSet(limits)
  const headers = reportingHeaders(fields)
  const suffix = suffixOf(fields)
  if (denialStatuses(limits).some((denial) => denial === status)) {
    const hasProblem = limits.every((limit) => limit.hasProblem)
    return {
      headers: [RETRY_AFTER, ...headers],
      denial: hasProblem ? 'problem' : 'any',
      suffix: `${suffix}${hasProblem ? '' : '-custom'}`,
    }
  }
  return /^[24](?:\d\d|XX)$/i.test(status) && headers.length > 0 ? { headers, denial: undefined, suffix } : undefined
}

/**
 * How these limits deny: with 429, and with 503 where clients share slots. Not at all where all policies are soft, as those of a
 * limit that slows down.
 */
export function denialStatuses(limits: readonly DescribedLimit[]): readonly DenialStatus[] {
  const denying = limits.flatMap((limit) => limit.policies.filter(({ policy }) => !policy.soft))
  const isUnknown = limits.some((limit) => limit.policies.length === 0)
  const isShared = (shared: boolean) => denying.some(({ policy }) => (policy.lease?.shared === true) === shared)
  return [...(isUnknown || isShared(false) ? ['429' as const] : []), ...(isShared(true) ? ['503' as const] : [])]
}
