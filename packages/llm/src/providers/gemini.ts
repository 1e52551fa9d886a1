import { at, tokensIn } from '../usage/usage.js'
import { count, type ProblemCode, type Provider, text } from './provider.js'

/** Gemini's generateContent, streamGenerateContent and embedContent: the model stands in the target, `/v1beta/models/NAME:METHOD`. */
export const gemini: Provider = {
  asked(body, url) {
    const [, model, method = ''] = /\/models\/([^/:?]+):([A-Za-z]+)/.exec(url) ?? []
    const config = at(body, 'generationConfig') ?? at(body, 'generation_config')
    const most = count(at(config, 'maxOutputTokens') ?? at(config, 'max_output_tokens'))
    const choices = Math.max(1, count(at(config, 'candidateCount')) ?? 1)
    return {
      model: model === undefined ? text(at(body, 'model')) : decoded(model),
      isStream: method === 'streamGenerateContent',
      maxOutputTokens: /embed/i.test(method) ? 0 : most && Math.min(most * choices, Number.MAX_SAFE_INTEGER),
    }
  },

  askForUsage: () => false,

  /** Each chunk of a stream has all of it so far. */
  usage(data) {
    // A stream without `alt=sse` is one array of chunks.
    const last = Array.isArray(data) ? data.findLast((chunk) => at(chunk, 'usageMetadata') !== undefined) : data
    const usage = at(last, 'usageMetadata')
    const prompt = tokensIn(at(usage, 'promptTokenCount'))
    if (prompt === undefined) return undefined
    const answer = tokensIn(at(usage, 'candidatesTokenCount')) ?? 0
    return {
      inputTokens: prompt + (tokensIn(at(usage, 'toolUsePromptTokenCount')) ?? 0),
      outputTokens: answer + (tokensIn(at(usage, 'thoughtsTokenCount')) ?? 0),
      cachedTokens: tokensIn(at(usage, 'cachedContentTokenCount')),
    }
  },

  answeredBy: (data) => text(at(Array.isArray(data) ? data[0] : data, 'modelVersion')),
  error: ({ status, message, code }) => ({ error: { code: status, message, status: STATUSES[code] } }),
  errorEvent: (problem) => `data: ${JSON.stringify(gemini.error(problem))}\n\n`,
  // It sends none.
  fields: () => [],
}

function decoded(model: string): string {
  try {
    return decodeURIComponent(model)
  } catch {
    return model
  }
}

/** The names of google.rpc.Code. */
const STATUSES: Readonly<Record<ProblemCode, string>> = {
  rate_limit_exceeded: 'RESOURCE_EXHAUSTED',
  insufficient_quota: 'RESOURCE_EXHAUSTED',
  access_denied: 'PERMISSION_DENIED',
  server_overloaded: 'UNAVAILABLE',
  context_length_exceeded: 'INVALID_ARGUMENT',
  model_not_found: 'NOT_FOUND',
  invalid_body: 'INVALID_ARGUMENT',
}
