/**
 * `toBeRateLimited` and `toHaveRateLimit` for Vitest: importing this module extends `expect`.
 * @module @sluice/testing/vitest
 */

import { expect } from 'vitest'
import { type RateLimitMatchers, rateLimitMatchers } from '../matchers/matchers.js'

declare module 'vitest' {
  interface Assertion<T> extends RateLimitMatchers<T> {}
  interface AsymmetricMatchersContaining extends RateLimitMatchers {}
}

expect.extend(rateLimitMatchers)

export { rateLimitMatchers }
