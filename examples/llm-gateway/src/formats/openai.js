import { BadRequest, onlyKnown, strings, textOf } from './checks.js'

/** OpenAI's chat completions, in and out. */
export const openai = {
  path: '/v1/chat/completions',
  authorize: (key) => ({ authorization: `Bearer ${key}` }),

  /** What a client asks, in the gateway's own words. */
  read(body) {
    onlyKnown(body, KNOWN)
    if (body.n !== undefined && body.n !== 1) throw new BadRequest('n: this gateway asks for one answer.')
    for (const { role } of body.messages) {
      if (!ROLES.includes(role))
        throw new BadRequest(`messages: this gateway does not pass on messages of ${JSON.stringify(role)}.`)
    }
    const isSystem = ({ role }) => role === 'system' || role === 'developer'
    const system = body.messages.filter(isSystem).map(textOf)
    return {
      system: system.length === 0 ? undefined : system.join('\n'),
      messages: body.messages.filter((one) => !isSystem(one)).map((one) => ({ role: one.role, text: textOf(one) })),
      maxTokens: body.max_completion_tokens ?? body.max_tokens ?? undefined,
      temperature: body.temperature ?? undefined,
      topP: body.top_p ?? undefined,
      stop: strings('stop', body.stop),
      stream: body.stream === true,
      includeUsage: body.stream_options?.include_usage === true,
    }
  },

  /** The same, for a provider that speaks this. */
  ask: ({ system, messages, maxTokens, temperature, topP, stop, stream }, model) => ({
    model,
    messages: [
      ...(system === undefined ? [] : [{ role: 'system', content: system }]),
      ...messages.map(({ role, text }) => ({ role, content: text })),
    ],
    ...(maxTokens === undefined ? {} : { max_completion_tokens: maxTokens }),
    ...(temperature === undefined ? {} : { temperature }),
    ...(topP === undefined ? {} : { top_p: topP }),
    ...(stop.length === 0 ? {} : { stop }),
    ...(stream ? { stream: true, stream_options: { include_usage: true } } : {}),
  }),

  /** What a provider answered. */
  answer: ({ model, choices: [{ message, finish_reason }], usage }) => ({
    model,
    text: message.content ?? '',
    reason: finish_reason === 'length' ? 'length' : 'end',
    usage: usage && { input: usage.prompt_tokens, output: usage.completion_tokens },
  }),

  /** A part of a provider's stream. */
  event({ data }) {
    if (data === '[DONE]') return { isDone: true }
    const { model, choices = [], usage, error } = JSON.parse(data)
    if (error !== undefined) return { error: error.message }
    const [choice] = choices
    return {
      model,
      text: choice?.delta?.content ?? '',
      ...(choice?.finish_reason ? { reason: choice.finish_reason === 'length' ? 'length' : 'end' } : {}),
      ...(usage ? { usage: { input: usage.prompt_tokens, output: usage.completion_tokens } } : {}),
    }
  },

  /** An answer for a client. */
  write: ({ id, model, text, reason, usage }) => ({
    id: `chatcmpl-${id}`,
    object: 'chat.completion',
    created: Math.floor(Date.now() / 1_000),
    model,
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content: text },
        finish_reason: reason === 'length' ? 'length' : 'stop',
      },
    ],
    ...(usage === undefined ? {} : { usage: usageOf(usage) }),
  }),

  /** The events of a stream for a client. */
  writer({ id, model, includeUsage }) {
    const chunk = (choices, more = {}) =>
      `data: ${JSON.stringify({ id: `chatcmpl-${id}`, object: 'chat.completion.chunk', created: 0, model, choices, ...(includeUsage ? { usage: null } : {}), ...more })}\n\n`
    const one = (delta, finish = null) => chunk([{ index: 0, delta, finish_reason: finish }])
    return {
      start: () => one({ role: 'assistant', content: '' }),
      text: (text) => one({ content: text }),
      end: ({ reason, usage }) =>
        one({}, reason === 'length' ? 'length' : 'stop') +
        (includeUsage && usage !== undefined ? chunk([], { usage: usageOf(usage) }) : '') +
        'data: [DONE]\n\n',
      fail: (message) => `data: ${JSON.stringify(openai.error(502, message))}\n\n`,
    }
  },

  error: (status, message) => ({
    error: { message, type: status < 500 ? 'invalid_request_error' : 'server_error', param: null, code: null },
  }),
}

function usageOf({ input, output }) {
  return { prompt_tokens: input, completion_tokens: output, total_tokens: input + output }
}

const ROLES = ['system', 'developer', 'user', 'assistant']

const KNOWN = [
  ...[
    'model',
    'messages',
    'max_tokens',
    'max_completion_tokens',
    'temperature',
    'top_p',
    'stop',
    'stream',
    'stream_options',
  ],
  ...['n', 'user', 'metadata', 'store'],
]
