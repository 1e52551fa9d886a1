/**
 * `toBeRateLimited` and `toHaveRateLimit` for Jest: importing this module extends the global `expect`.
 * @module @sluice/testing/jest
 */

import { ConfigError } from '@sluice/core'
import { type RateLimitMatchers, rateLimitMatchers } from '../matchers/matchers.js'

declare global {
  namespace jest {
    interface Matchers<R> extends RateLimitMatchers<R> {}
  }
}

const expect: unknown = Reflect.get(globalThis, 'expect')
const extend: unknown = typeof expect === 'function' ? Reflect.get(expect, 'extend') : undefined
if (typeof extend !== 'function') {
  throw new ConfigError(
    "@sluice/testing/jest extends the global expect of Jest, and there is none. With injectGlobals: false, import { expect } from '@jest/globals' and call expect.extend(rateLimitMatchers).",
  )
}
extend(rateLimitMatchers)

export { rateLimitMatchers }
