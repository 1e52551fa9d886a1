import type { Field } from '@sluice/core/http'
import { at, tokensIn } from '../usage/usage.js'
import { count, type ProblemCode, type Provider, text, tightest } from './provider.js'

/** Anthropic's messages. */
export const anthropic: Provider = {
  asked: (body) => ({
    model: text(at(body, 'model')),
    isStream: at(body, 'stream') === true,
    maxOutputTokens: count(at(body, 'max_tokens')),
    choices: 1,
  }),

  askForUsage: () => false,

  /** A stream says the input in its first event, and in each `message_delta` all of the output so far. */
  usage(data) {
    const usage = at(data, 'usage') ?? at(data, 'message', 'usage')
    if (typeof usage !== 'object' || usage === null) return undefined
    const plain = tokensIn(at(usage, 'input_tokens'))
    const written = tokensIn(at(usage, 'cache_creation_input_tokens'))
    const cached = tokensIn(at(usage, 'cache_read_input_tokens'))
    return {
      // Input that was read from a cache or written to one is counted apart.
      inputTokens: plain === undefined ? undefined : plain + (written ?? 0) + (cached ?? 0),
      outputTokens: tokensIn(at(usage, 'output_tokens')),
      cachedTokens: plain === undefined ? undefined : (cached ?? 0),
      cacheWriteTokens: plain === undefined ? undefined : (written ?? 0),
    }
  },

  answeredBy: (data) => text(at(data, 'model') ?? at(data, 'message', 'model')),
  error: ({ message, code }) => ({ type: 'error', error: { type: TYPES[code], message } }),
  errorEvent: (problem) => `event: error\ndata: ${JSON.stringify(anthropic.error(problem))}\n\n`,

  fields(standings, now) {
    const fields: Field[] = []
    for (const unit of ['requests', 'tokens', 'input-tokens', 'output-tokens'] as const) {
      const reported = tightest(standings, unit)
      if (reported === undefined) continue
      fields.push([`anthropic-ratelimit-${unit}-limit`, String(reported.limit)])
      fields.push([`anthropic-ratelimit-${unit}-remaining`, String(reported.remaining)])
      const { resetAfterMs } = reported
      if (resetAfterMs === undefined) continue
      // RFC 3339 in whole seconds, as Anthropic writes it.
      const reset = new Date(Math.ceil((now + resetAfterMs) / 1000) * 1000)
      fields.push([`anthropic-ratelimit-${unit}-reset`, reset.toISOString().replace('.000Z', 'Z')])
    }
    return fields
  },
}

const TYPES: Readonly<Record<ProblemCode, string>> = {
  rate_limit_exceeded: 'rate_limit_error',
  insufficient_quota: 'rate_limit_error',
  access_denied: 'permission_error',
  server_overloaded: 'overloaded_error',
  context_length_exceeded: 'invalid_request_error',
  model_not_found: 'not_found_error',
  invalid_body: 'invalid_request_error',
}
