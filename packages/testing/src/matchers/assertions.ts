import { AssertionError } from 'node:assert'
import type { ExpectedDenial, ExpectedRateLimit } from './expectations.js'
import type { ResponseLike } from './read-response.js'
import { rateLimited, type Verdict, withRateLimit } from './verdicts.js'

/**
 * Asserts that a response denies its request for want of quota, as `toBeRateLimited` does; for `node:test`.
 * @example assertRateLimited(response, { policy: 'login', retryAfter: 900 })
 * @throws {AssertionError} with the fields that were received.
 */
export function assertRateLimited(response: ResponseLike, expected?: ExpectedDenial): void {
  check(rateLimited(response, expected), assertRateLimited)
}

/**
 * Asserts that a response reports a limit with these numbers, as `toHaveRateLimit` does; for `node:test`.
 * @example assertRateLimit(response, { limit: 100, remaining: 99 })
 * @throws {AssertionError} with the fields that were received.
 */
export function assertRateLimit(response: ResponseLike, expected?: ExpectedRateLimit): void {
  check(withRateLimit(response, expected), assertRateLimit)
}

function check({ pass, message }: Verdict, stackStartFn: (...args: never[]) => void): void {
  if (!pass) throw new AssertionError({ message, stackStartFn })
}
