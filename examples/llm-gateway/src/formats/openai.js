/** OpenAI's chat completions, in and out. */
export const openai = {
  path: '/v1/chat/completions',
  authorize: (key) => ({ authorization: `Bearer ${key}` }),

  /** What a client asks, in the gateway's own words. */
  read(body) {
    const system = body.messages.filter(({ role }) => role === 'system' || role === 'developer').map(textOf)
    return {
      system: system.length === 0 ? undefined : system.join('\n'),
      messages: body.messages
        .filter(({ role }) => role === 'user' || role === 'assistant')
        .map((message) => ({ role: message.role, text: textOf(message) })),
      maxTokens: body.max_completion_tokens ?? body.max_tokens,
      temperature: body.temperature,
      stop: [body.stop ?? []].flat(),
      stream: body.stream === true,
      includeUsage: body.stream_options?.include_usage === true,
    }
  },

  /** The same, for a provider that speaks this. */
  ask: ({ system, messages, maxTokens, temperature, stop, stream }, model) => ({
    model,
    messages: [
      ...(system === undefined ? [] : [{ role: 'system', content: system }]),
      ...messages.map(({ role, text }) => ({ role, content: text })),
    ],
    ...(maxTokens === undefined ? {} : { max_completion_tokens: maxTokens }),
    ...(temperature === undefined ? {} : { temperature }),
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

function textOf({ content }) {
  if (typeof content === 'string') return content
  return (content ?? []).map(({ text }) => text ?? '').join('')
}
