// What the docs show first: the matchers before Vitest.
import '@sluice/testing/vitest'
import { expect } from 'vitest'

expect(1).toBeRateLimited({ policy: 'login', retryAfter: [1, 60] })
expect({}).not.toHaveRateLimit({ limit: 1 })
expect.toBeRateLimited()
// @ts-expect-error: no such option
expect(1).toBeRateLimited({ polcy: 'login' })
