import { llm } from '@sluice/llm'
import type { MockAnswer } from '../mock/answer.js'
import type { Incoming } from '../mock/incoming.js'
import { DRAFT_FIELDS, type Preset, wantsEvents } from './preset.js'
import { textIn, tokensOf, WORDS } from './tokens.js'

/** OpenAI: limits in requests and tokens, as `llm()` of `@sluice/llm` reports and denies them. */
export const openai: Preset = {
  dialects: ['draft'],
  readsJson: true,
  reportsRemaining: true,
  omits: DRAFT_FIELDS,
  limited: (policies) => llm<Incoming>({ provider: 'openai', limits: policies }),
  answer(incoming) {
    const { path } = incoming
    if (/\/models\/?$/.test(path))
      return { body: { object: 'list', data: [{ id: MODEL, object: 'model', owned_by: 'mock' }] } }
    if (/\/embeddings\/?$/.test(path)) return embeddings(incoming)
    if (/\/responses\/?$/.test(path))
      return wantsEvents(incoming) ? responseEvents(incoming) : { body: response(incoming) }
    return wantsEvents(incoming) ? chunks(incoming) : completion(incoming)
  },
  error: (status, message) => ({
    status,
    body: { error: { message, type: status === 429 ? 'rate_limit_error' : typeOf(status), param: null, code: null } },
  }),
}

const MODEL = 'gpt-mock'
/** A mock answers the same at any time: 1 January 2026. */
const CREATED = 1_767_225_600

function typeOf(status: number): string {
  return status >= 500 ? 'server_error' : 'invalid_request_error'
}

function head(incoming: Incoming, object: string): object {
  return { id: 'chatcmpl-mock', object, created: CREATED, model: textIn(incoming.json, 'model', MODEL) }
}

function usageOf(incoming: Incoming): object {
  const { input, output } = tokensOf(incoming)
  return { prompt_tokens: input, completion_tokens: output, total_tokens: input + output }
}

function completion(incoming: Incoming): MockAnswer {
  const message = { role: 'assistant', content: WORDS.join(''), refusal: null }
  const choices = [{ index: 0, message, logprobs: null, finish_reason: 'stop' }]
  return { body: { ...head(incoming, 'chat.completion'), choices, usage: usageOf(incoming) } }
}

function chunks(incoming: Incoming): MockAnswer {
  const chunk = (delta: object, reason: string | null): object => ({
    ...head(incoming, 'chat.completion.chunk'),
    choices: [{ index: 0, delta, logprobs: null, finish_reason: reason }],
  })
  const words = WORDS.map((content, i) => chunk(i === 0 ? { role: 'assistant', content } : { content }, null))
  const usage = asksForUsage(incoming.json)
    ? [{ ...head(incoming, 'chat.completion.chunk'), choices: [], usage: usageOf(incoming) }]
    : []
  return { events: [...words, chunk({}, 'stop'), ...usage, '[DONE]'] }
}

function asksForUsage(json: unknown): boolean {
  if (typeof json !== 'object' || json === null || !('stream_options' in json)) return false
  const options = json.stream_options
  return typeof options === 'object' && options !== null && 'include_usage' in options && options.include_usage === true
}

function embeddings(incoming: Incoming): MockAnswer {
  const { input } = tokensOf(incoming)
  const { json } = incoming
  const asked: unknown = typeof json === 'object' && json !== null && 'input' in json ? json.input : undefined
  const count = Array.isArray(asked) && typeof asked[0] === 'string' ? asked.length : 1
  const data = Array.from({ length: count }, (_, index) => ({
    object: 'embedding',
    index,
    embedding: [0.25, -0.5, 0.75],
  }))
  const usage = { prompt_tokens: input, total_tokens: input }
  return { body: { object: 'list', data, model: textIn(json, 'model', MODEL), usage } }
}

function response(incoming: Incoming, status = 'completed'): object {
  const { input, output } = tokensOf(incoming)
  const content = [{ type: 'output_text', text: WORDS.join(''), annotations: [] }]
  const isOver = status === 'completed'
  return {
    ...{ id: 'resp_mock', object: 'response', created_at: CREATED, status },
    ...{ model: textIn(incoming.json, 'model', MODEL), error: null },
    output: isOver ? [{ id: 'msg_mock', type: 'message', role: 'assistant', status, content }] : [],
    usage: isOver ? { input_tokens: input, output_tokens: output, total_tokens: input + output } : null,
  }
}

function responseEvents(incoming: Incoming): MockAnswer {
  const where = { item_id: 'msg_mock', output_index: 0, content_index: 0 }
  const deltas = WORDS.map((delta) => ({ type: 'response.output_text.delta', ...where, delta }))
  const events = [
    { type: 'response.created', response: response(incoming, 'in_progress') },
    ...deltas,
    { type: 'response.completed', response: response(incoming) },
  ]
  return { events: events.map((event, i) => ({ ...event, sequence_number: i })) }
}
