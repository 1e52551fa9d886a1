import { ietf } from './ietf.js'
import { DRAFT_FIELDS, type Preset, reportedStanding, reporting } from './preset.js'

/**
 * GitHub's REST API: five fields on every response, and 403 without `Retry-After` once the primary limit is exceeded.
 * https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
 */
export const github: Preset = {
  dialects: ['draft'],
  readsJson: false,
  reportsRemaining: true,
  omits: [...DRAFT_FIELDS, 'retry-after'],
  limited: (policies) =>
    reporting(policies, fields, () => ({ status: 403, body: errorBody('API rate limit exceeded for user ID 1.') })),
  answer: ietf.answer,
  error: (status, message) => ({ status, body: errorBody(message) }),
}

const DOCUMENTATION = 'https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api'

function errorBody(message: string): object {
  return { message, documentation_url: DOCUMENTATION }
}

const fields: Parameters<typeof reporting>[1] = (standings) => {
  const reported = reportedStanding(standings)
  if (reported === undefined) return []
  const { limit, remaining, used, moreAfterMs } = reported
  return [
    ['x-ratelimit-limit', String(limit)],
    ['x-ratelimit-remaining', String(remaining)],
    ['x-ratelimit-used', String(used)],
    ['x-ratelimit-reset', String(Math.ceil((Date.now() + moreAfterMs) / 1000))],
    ['x-ratelimit-resource', 'core'],
  ]
}
