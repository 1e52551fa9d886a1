import type { ExpectedDenial, ExpectedRateLimit } from './expectations.js'
import { rateLimited, type Verdict, withRateLimit } from './verdicts.js'

/** The matchers, as `expect` has them. */
export interface RateLimitMatchers<R = unknown> {
  /**
   * The response denies its request for want of quota: 429, or 403 and 503 where nothing remains.
   * @example expect(response).toBeRateLimited({ policy: 'login', retryAfter: [1, 900] })
   */
  toBeRateLimited(expected?: ExpectedDenial): R
  /**
   * The response reports a limit with these numbers: in `RateLimit` of any draft, or `X-RateLimit-*` and its variants.
   * @example expect(response).toHaveRateLimit({ limit: 100, remaining: 99 })
   */
  toHaveRateLimit(expected?: ExpectedRateLimit): R
}

interface MatcherResult {
  readonly pass: boolean
  readonly message: () => string
}

/**
 * For `expect.extend` of Vitest and Jest. To import `@sluice/testing/vitest` or `@sluice/testing/jest` does that, and has the types.
 * @example expect.extend(rateLimitMatchers)
 */
export const rateLimitMatchers: {
  toBeRateLimited(response: unknown, expected?: ExpectedDenial): MatcherResult
  toHaveRateLimit(response: unknown, expected?: ExpectedRateLimit): MatcherResult
} = {
  toBeRateLimited: (response, expected) => resultOf(rateLimited(response, expected)),
  toHaveRateLimit: (response, expected) => resultOf(withRateLimit(response, expected)),
}

function resultOf({ pass, message }: Verdict): MatcherResult {
  return { pass, message: () => message }
}
