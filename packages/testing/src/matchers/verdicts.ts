import { checkExpected, type ExpectedDenial, type ExpectedRateLimit, inWords, isWithin } from './expectations.js'
import { isDenial, type ReadResponse, readResponse, received } from './read-response.js'

/** What a matcher found, with a message for when that is not what was expected. */
export interface Verdict {
  readonly pass: boolean
  /** For `expect(…)`, or where it passed for `expect(…).not`. */
  readonly message: string
}

/** Whether a response is a denial, of that policy and with that wait. */
export function rateLimited(given: unknown, expected: ExpectedDenial = {}): Verdict {
  const { policy, retryAfter } = checkExpected('toBeRateLimited()', expected, ['retryAfter'])
  const response = readResponse(given)
  const pass =
    isDenial(response) &&
    (policy === undefined || hasDenied(response, policy)) &&
    isWithin(response.retryAfter, retryAfter)
  return verdict(pass, 'be rate limited', expected, response)
}

/** Whether a response reports a limit with these numbers, in whichever fields. */
export function withRateLimit(given: unknown, expected: ExpectedRateLimit = {}): Verdict {
  const { policy, limit, remaining } = checkExpected('toHaveRateLimit()', expected, ['limit', 'remaining'])
  const response = readResponse(given)
  const pass = response.report.limits.some(
    (one) =>
      (policy === undefined || one.name === policy) && isWithin(one.limit, limit) && isWithin(one.remaining, remaining),
  )
  return verdict(pass, 'report a rate limit', expected, response)
}

/** By the body, where it says so; otherwise by the fields: a policy that denies has nothing left, or is the only one. */
function hasDenied({ violated, report: { limits } }: ReadResponse, policy: string): boolean {
  if (violated !== undefined) return violated.includes(policy)
  return limits.some(({ name, remaining }) => name === policy && (remaining === 0 || limits.length === 1))
}

function verdict(pass: boolean, what: string, expected: object, response: ReadResponse): Verdict {
  const details = inWords(expected)
  const message = `Expected the response ${pass ? 'not ' : ''}to ${what}${details === '' ? '' : ` with ${details}`}.\n${received(response)}`
  return { pass, message }
}
