import { ietf } from './ietf.js'
import { type Preset, reporting, wantsEvents } from './preset.js'

/**
 * Stripe: no field says what remains or when to come back; a denial names the kind of limit in `Stripe-Rate-Limited-Reason`.
 * https://docs.stripe.com/rate-limits and https://docs.stripe.com/api/errors
 */
export const stripe: Preset = {
  dialects: [],
  readsJson: false,
  reportsRemaining: false,
  omits: ['retry-after'],
  limited: (policies) =>
    reporting(
      policies,
      () => [],
      ({ binding }) => ({
        status: 429,
        headers: {
          'stripe-rate-limited-reason': binding?.policy.lease === undefined ? 'global-rate' : 'global-concurrency',
        },
        body: errorBody('rate_limit', 'Request rate limit exceeded.'),
      }),
    ),
  answer: (incoming) =>
    wantsEvents(incoming)
      ? ietf.answer(incoming)
      : { body: { object: 'list', url: incoming.path, has_more: false, data: [] } },
  error: (status, message) => ({ status, body: errorBody(status === 429 ? 'rate_limit' : undefined, message) }),
}

function errorBody(code: string | undefined, message: string): object {
  const type = code === undefined ? 'api_error' : 'invalid_request_error'
  return {
    error: {
      ...(code === undefined ? {} : { code, doc_url: `https://docs.stripe.com/error-codes/${code}` }),
      message,
      type,
    },
  }
}
