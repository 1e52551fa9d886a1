import { llm } from '@sluice/llm'
import type { MockAnswer } from '../mock/answer.js'
import type { Incoming } from '../mock/incoming.js'
import { DRAFT_FIELDS, type Preset, wantsEvents } from './preset.js'
import { textIn, tokensOf, WORDS } from './tokens.js'

/** Anthropic: limits in requests and tokens, as `llm()` of `@sluice/llm` reports and denies them. */
export const anthropic: Preset = {
  dialects: ['draft'],
  readsJson: true,
  reportsRemaining: true,
  omits: DRAFT_FIELDS,
  limited: (policies) => llm<Incoming>({ provider: 'anthropic', limits: policies }),
  answer: (incoming) => (wantsEvents(incoming) ? events(incoming) : { body: message(incoming) }),
  error: (status, text) => ({ status, body: { type: 'error', error: { type: typeOf(status), message: text } } }),
}

/** https://docs.anthropic.com/en/api/errors */
function typeOf(status: number): string {
  if (status === 429) return 'rate_limit_error'
  if (status === 529 || status === 503) return 'overloaded_error'
  if (status === 404) return 'not_found_error'
  return status >= 500 ? 'api_error' : 'invalid_request_error'
}

function head(incoming: Incoming): object {
  const model = textIn(incoming.json, 'model', 'claude-mock')
  return { id: 'msg_mock', type: 'message', role: 'assistant', model }
}

function message(incoming: Incoming): object {
  const { input, output } = tokensOf(incoming)
  return {
    ...head(incoming),
    content: [{ type: 'text', text: WORDS.join('') }],
    ...{ stop_reason: 'end_turn', stop_sequence: null },
    usage: { input_tokens: input, output_tokens: output },
  }
}

function events(incoming: Incoming): MockAnswer {
  const { input, output } = tokensOf(incoming)
  const begun = { ...head(incoming), content: [], stop_reason: null, stop_sequence: null }
  return {
    events: [
      { type: 'message_start', message: { ...begun, usage: { input_tokens: input, output_tokens: 1 } } },
      { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
      ...WORDS.map((text) => ({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text } })),
      { type: 'content_block_stop', index: 0 },
      {
        type: 'message_delta',
        delta: { stop_reason: 'end_turn', stop_sequence: null },
        usage: { output_tokens: output },
      },
      { type: 'message_stop' },
    ],
  }
}
