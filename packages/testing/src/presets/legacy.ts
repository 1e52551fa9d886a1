import { sentenceOf } from '@sluice/core/http'
import { ietf } from './ietf.js'
import { type Preset, reporting } from './preset.js'

/** `X-RateLimit-*` with a reset in Unix seconds, `Retry-After`, and an error as a message in JSON. */
export const legacy: Preset = {
  dialects: ['legacy'],
  readsJson: false,
  reportsRemaining: true,
  omits: [],
  limited: (policies) =>
    reporting(
      policies,
      () => [],
      (decision) => ({ status: 429, body: { message: sentenceOf(decision) } }),
    ),
  answer: ietf.answer,
  error: (status, message) => ({ status, body: { message } }),
}
