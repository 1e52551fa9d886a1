import type { Field } from '@sluice/core/http'
import { at, tokensIn } from '../usage/usage.js'
import { choicesIn, count, type Problem, type Provider, pathOf, text, tightest } from './provider.js'

/** OpenAI's chat completions, completions, responses and embeddings, and the many APIs that follow them. */
export const openai: Provider = {
  asked(body, url) {
    // Which of them counts where there are several is not the same everywhere: the largest.
    const limits = OUTPUT_LIMITS.map((name) => count(at(body, name))).filter((limit) => limit !== undefined)
    const isEmbedding = /\/embeddings\/?$/.test(pathOf(url))
    return {
      model: text(at(body, 'model')),
      isStream: at(body, 'stream') === true,
      maxOutputTokens: isEmbedding ? 0 : limits.length === 0 ? undefined : Math.max(...limits),
      choices: choicesIn(at(body, 'n'), at(body, 'best_of')),
    }
  },

  /** Only chat completions and completions have to be asked. The Responses API says it unasked, and knows no such option. */
  askForUsage(body, url) {
    if (typeof body !== 'object' || body === null || /\/responses\/?$/.test(pathOf(url))) return false
    if ('input' in body && !('messages' in body)) return false
    const options = at(body, 'stream_options')
    if (at(options, 'include_usage') === true) return false
    const others = typeof options === 'object' && options !== null ? options : {}
    // A body that cannot be changed is passed on as it is.
    return Reflect.set(body, 'stream_options', { ...others, include_usage: true })
  },

  usage(data) {
    // An event of the Responses API has it in the response that it is about.
    const usage = at(data, 'usage') ?? at(data, 'response', 'usage')
    if (typeof usage !== 'object' || usage === null) return undefined
    const inputTokens = tokensIn(at(usage, 'prompt_tokens') ?? at(usage, 'input_tokens'))
    const outputTokens = tokensIn(at(usage, 'completion_tokens') ?? at(usage, 'output_tokens'))
    if (inputTokens === undefined && outputTokens === undefined) return undefined
    const details = at(usage, 'prompt_tokens_details') ?? at(usage, 'input_tokens_details')
    // Embeddings have no output.
    return { inputTokens, outputTokens: outputTokens ?? 0, cachedTokens: tokensIn(at(details, 'cached_tokens')) }
  },

  answeredBy: (data) => text(at(data, 'model') ?? at(data, 'response', 'model')),
  error: ({ message, code, status }) => ({ error: { message, type: typeOf({ code, status }), param: null, code } }),
  errorEvent: (problem) => `data: ${JSON.stringify(openai.error(problem))}\n\n`,

  fields(standings) {
    const fields: Field[] = []
    for (const unit of ['requests', 'tokens'] as const) {
      const reported = tightest(standings, unit)
      if (reported === undefined) continue
      fields.push([`x-ratelimit-limit-${unit}`, String(reported.limit)])
      fields.push([`x-ratelimit-remaining-${unit}`, String(reported.remaining)])
      const { resetAfterMs } = reported
      if (resetAfterMs !== undefined) fields.push([`x-ratelimit-reset-${unit}`, goDuration(resetAfterMs)])
    }
    return fields
  },
}

const OUTPUT_LIMITS = ['max_completion_tokens', 'max_output_tokens', 'max_tokens']

function typeOf({ code, status }: Pick<Problem, 'code' | 'status'>): string {
  if (code === 'insufficient_quota') return code
  if (status === 429) return 'rate_limit_error'
  return status >= 500 ? 'server_error' : 'invalid_request_error'
}

/** Whole milliseconds as Go writes them: `1h30m0s`, `6m0s`, `1.5s`, `12ms`. */
function goDuration(ms: number): string {
  if (ms < 1000) return `${ms}ms`
  const hours = Math.floor(ms / 3_600_000)
  const minutes = Math.floor((ms % 3_600_000) / 60_000)
  const seconds = `${(ms % 60_000) / 1000}s`
  if (hours > 0) return `${hours}h${minutes}m${seconds}`
  return minutes > 0 ? `${minutes}m${seconds}` : seconds
}
