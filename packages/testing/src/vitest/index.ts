/**
 * `toBeRateLimited` and `toHaveRateLimit` for Vitest: importing this module extends `expect`.
 * @module @sluice/testing/vitest
 */

import { expect } from 'vitest'
import { type RateLimitMatchers, rateLimitMatchers } from '../matchers/matchers.js'

declare module 'vitest' {
  // Vitest declares it for this: an interface that is augmented in a module that was seen first would hide the original.
  interface Matchers<T> extends RateLimitMatchers<T> {}
}

expect.extend(rateLimitMatchers)

export { rateLimitMatchers }
