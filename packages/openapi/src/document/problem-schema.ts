import { GENERATOR, MARK } from './generated.js'
import type { Tree } from './tree.js'

export const PROBLEM_SCHEMA = 'RateLimitProblem'
export const PROBLEM_TYPE = 'application/problem+json'

/** The body of a denial: problem details of RFC 9457, with the members of the RateLimit draft's problem types. */
export function problemSchema(): Tree {
  return {
    type: 'object',
    description: 'Problem details (RFC 9457) of a request that was denied by a rate limit.',
    required: ['type', 'title', 'status', 'detail', 'violated-policies'],
    properties: {
      type: {
        type: 'string',
        format: 'uri',
        description: 'The kind of problem.',
        example: 'https://iana.org/assignments/http-problem-types#quota-exceeded',
      },
      title: { type: 'string', example: 'Too many requests' },
      status: { type: 'integer', description: 'The status of the response.', example: 429 },
      detail: {
        type: 'string',
        description: 'What happened, and when to try again, in words.',
        example: 'The limit "login" (5 requests in 1 minute) is used up. Try again in 42 seconds.',
      },
      'violated-policies': {
        type: 'array',
        items: { type: 'string' },
        description: 'The names of the policies that denied the request, as in the RateLimit-Policy field.',
        example: ['login'],
      },
      'retry-after': {
        type: 'integer',
        minimum: 1,
        description: 'Seconds to wait, as in Retry-After. Absent where waiting does not help.',
        example: 42,
      },
    },
    [MARK]: GENERATOR,
  }
}
