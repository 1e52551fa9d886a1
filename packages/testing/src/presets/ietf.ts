import { type Preset, wantsEvents } from './preset.js'

/** The newest RateLimit draft, and problem details: what Sluice sends by default. */
export const ietf: Preset = {
  dialects: ['draft'],
  readsJson: false,
  reportsRemaining: true,
  omits: [],
  limited: (policies) => policies,
  answer: (incoming) => (wantsEvents(incoming) ? { events: [{ ok: true }] } : { body: { ok: true } }),
  error: (status, message) => ({
    status,
    headers: { 'content-type': 'application/problem+json' },
    body: { type: 'about:blank', title: message, status },
  }),
}
