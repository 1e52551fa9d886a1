import { BadRequest, onlyKnown, strings, textOf } from './checks.js'

/** Anthropic's messages, in and out: the same words as in openai.js. */
export const anthropic = {
  path: '/v1/messages',
  authorize: (key) => ({ 'x-api-key': key, 'anthropic-version': '2023-06-01' }),

  read(body) {
    onlyKnown(body, KNOWN)
    for (const { role } of body.messages) {
      if (role !== 'user' && role !== 'assistant') {
        throw new BadRequest(`messages: expected roles user and assistant, got ${JSON.stringify(role)}.`)
      }
    }
    const { system, messages, max_tokens, temperature, top_p, stop_sequences, stream } = body
    return {
      system: system === undefined || system === null ? undefined : textOf({ role: 'system', content: system }),
      messages: messages.map((one) => ({ role: one.role, text: textOf(one) })),
      maxTokens: max_tokens ?? undefined,
      temperature: temperature ?? undefined,
      topP: top_p ?? undefined,
      stop: strings('stop_sequences', stop_sequences),
      stream: stream === true,
      includeUsage: true,
    }
  },

  ask: ({ system, messages, maxTokens, temperature, topP, stop, stream }, model) => ({
    model,
    max_tokens: maxTokens ?? 1_024,
    ...(system === undefined ? {} : { system }),
    messages: messages.map(({ role, text }) => ({ role, content: text })),
    ...(temperature === undefined ? {} : { temperature }),
    ...(topP === undefined ? {} : { top_p: topP }),
    ...(stop.length === 0 ? {} : { stop_sequences: stop }),
    ...(stream ? { stream: true } : {}),
  }),

  answer: ({ model, content, stop_reason, usage }) => ({
    model,
    text: content.map(({ text = '' }) => text).join(''),
    reason: stop_reason === 'max_tokens' ? 'length' : 'end',
    usage: usage && { input: inputOf(usage), output: usage.output_tokens },
  }),

  event({ data }) {
    const { type, message, delta, usage, error } = JSON.parse(data)
    if (type === 'error') return { error: error.message }
    if (type === 'message_stop') return { isDone: true }
    return {
      model: message?.model,
      text: delta?.type === 'text_delta' ? delta.text : '',
      ...(delta?.stop_reason ? { reason: delta.stop_reason === 'max_tokens' ? 'length' : 'end' } : {}),
      ...(message?.usage ? { usage: { input: inputOf(message.usage), output: 0 } } : {}),
      ...(usage ? { usage: { output: usage.output_tokens } } : {}),
    }
  },

  write: ({ id, model, text, reason, usage = { input: 0, output: 0 } }) => ({
    id: `msg_${id}`,
    type: 'message',
    role: 'assistant',
    model,
    content: [{ type: 'text', text }],
    stop_reason: reason === 'length' ? 'max_tokens' : 'end_turn',
    stop_sequence: null,
    usage: { input_tokens: usage.input, output_tokens: usage.output },
  }),

  writer({ id, model }) {
    const event = (type, data = {}) => `event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`
    return {
      start: ({ usage }) =>
        event('message_start', {
          message: {
            ...anthropic.write({ id, model, text: '', usage: { input: usage?.input ?? 0, output: 0 } }),
            content: [],
            stop_reason: null,
          },
        }) + event('content_block_start', { index: 0, content_block: { type: 'text', text: '' } }),
      text: (text) => event('content_block_delta', { index: 0, delta: { type: 'text_delta', text } }),
      end: ({ reason, usage }) =>
        event('content_block_stop', { index: 0 }) +
        event('message_delta', {
          delta: { stop_reason: reason === 'length' ? 'max_tokens' : 'end_turn', stop_sequence: null },
          // All of it: the input of another provider's stream is known at its end only.
          ...(usage === undefined ? {} : { usage: { input_tokens: usage.input, output_tokens: usage.output } }),
        }) +
        event('message_stop'),
      fail: (message) => event('error', anthropic.error(502, message)),
    }
  },

  error: (status, message) => ({
    type: 'error',
    error: { type: status < 500 ? 'invalid_request_error' : 'api_error', message },
  }),
}

function inputOf({ input_tokens, cache_creation_input_tokens = 0, cache_read_input_tokens = 0 }) {
  return input_tokens + (cache_creation_input_tokens ?? 0) + (cache_read_input_tokens ?? 0)
}

const KNOWN = [
  'model',
  'messages',
  'system',
  'max_tokens',
  'temperature',
  'top_p',
  'stop_sequences',
  'stream',
  'metadata',
]
