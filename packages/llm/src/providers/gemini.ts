import { at, tokensIn } from '../usage/usage.js'
import { choicesIn, count, type ProblemCode, type Provider, pathOf, text } from './provider.js'

/** Gemini's generateContent, streamGenerateContent and embedContent: the model stands in the target, `/v1beta/models/NAME:METHOD`. */
export const gemini: Provider = {
  asked(body, url) {
    // As the app's router reads it: the path alone, decoded, and nothing behind the method.
    const [, kind, name, method = ''] = /\/(models|tunedModels)\/([^/:]+):([A-Za-z]+)$/.exec(decoded(pathOf(url))) ?? []
    const config = at(body, 'generationConfig') ?? at(body, 'generation_config')
    const most = count(at(config, 'maxOutputTokens') ?? at(config, 'max_output_tokens'))
    return {
      model: kind === 'tunedModels' ? `tunedModels/${name}` : name,
      isStream: method === 'streamGenerateContent',
      maxOutputTokens: /embed/i.test(method) ? 0 : most,
      choices: choicesIn(at(config, 'candidateCount') ?? at(config, 'candidate_count')),
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

function decoded(path: string): string {
  try {
    return decodeURIComponent(path)
  } catch {
    return ''
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
