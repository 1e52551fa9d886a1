import type { Decision, Standing } from '@sluice/core'
import { bindingOf, type Field, type Measured, type Reply } from '@sluice/core/http'
import { llm } from '@sluice/llm'
import type { Incoming } from '../mock/incoming.js'
import { openai } from './openai.js'
import { DRAFT_FIELDS, type MockPolicies, type Preset, secondsOf } from './preset.js'

/**
 * Azure OpenAI: OpenAI's requests and answers; its fields say what remains, but not when there will be more, and a denial has
 * `Retry-After` in seconds and `retry-after-ms`.
 * https://learn.microsoft.com/en-us/azure/ai-foundry/openai/how-to/quota
 */
export const azure: Preset = {
  dialects: ['draft'],
  readsJson: true,
  reportsRemaining: false,
  omits: DRAFT_FIELDS,
  limited: azureLimits,
  answer: openai.answer,
  error: (status, message) => ({ status, body: { error: { code: String(status), message } } }),
}

/** OpenAI's estimates and charges, reported as Azure does. */
function azureLimits(policies: MockPolicies): Measured<Incoming> {
  const counted = llm<Incoming>({ provider: 'openai', limits: policies })
  return {
    kind: 'sluice.measured',
    bind(reader) {
      const measure = counted.bind(reader)
      return {
        policies: measure.policies,
        fields,
        response: (decision, request) => {
          const usual = measure.response?.(decision, request)
          // What can never pass is refused as OpenAI does.
          return usual === undefined || usual.status === 429 ? denial(decision) : usual
        },
        admitted: (...admitted) => measure.admitted?.(...admitted),
      }
    },
  }
}

function fields(standings: readonly Standing[]): readonly Field[] {
  const found: Field[] = []
  for (const unit of ['requests', 'tokens'] as const) {
    const binding = bindingOf(standings.filter(({ policy }) => policy.unit === unit))
    if (binding === undefined) continue
    found.push([`x-ratelimit-remaining-${unit}`, String(Math.min(binding.remaining, binding.policy.quota))])
  }
  return found
}

function denial({ binding, retryAfterMs }: Decision): Reply {
  const kind = binding?.policy.unit === 'tokens' ? 'token' : 'call'
  const seconds = secondsOf(retryAfterMs)
  const when = seconds === undefined ? '' : ` Please retry after ${seconds} second${seconds === 1 ? '' : 's'}.`
  return {
    status: 429,
    headers:
      seconds === undefined
        ? {}
        : { 'retry-after': String(seconds), 'retry-after-ms': String(Math.ceil(retryAfterMs)) },
    body: {
      error: {
        code: '429',
        message: `Requests to this Azure OpenAI deployment have exceeded the ${kind} rate limit of its pricing tier.${when}`,
      },
    },
  }
}
