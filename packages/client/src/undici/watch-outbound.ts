import { ConfigError } from '@sluice/core'
import { builtin, describe, isThenable, shown, warn } from '@sluice/core/runtime'
import { parseRateLimit } from '../parse/parse-rate-limit.js'
import type { RateLimitReport } from '../parse/remote-limit.js'

/** What a response to this process said about limits. */
export interface OutboundReport extends RateLimitReport {
  readonly origin: string
  readonly method: string
  /** Without its query, which may hold secrets. */
  readonly path: string
  readonly status: number
}

/** What undici publishes when the head of a response has arrived. */
interface HeadersMessage {
  readonly request?: { readonly origin?: unknown; readonly method?: unknown; readonly path?: unknown }
  readonly response?: { readonly statusCode?: unknown; readonly headers?: unknown }
}

const CHANNEL = 'undici:request:headers'

/**
 * Reports what the servers that this process calls say about their limits, without changing any call: all that goes through
 * `fetch` or undici, whoever calls it. Responses that say nothing are not reported. Returns a function that stops it.
 * @example
 * const stop = watchOutbound(({ origin, limits }) => console.log(origin, limits))
 * @throws {ConfigError} where the listener is no function, or the runtime has no diagnostics channels.
 */
export function watchOutbound(listener: (report: OutboundReport) => void): () => void {
  if (typeof listener !== 'function')
    throw new ConfigError(`watchOutbound(): expected a function, got ${shown(listener)}.`)
  const channels = builtin('node:diagnostics_channel')
  if (channels === undefined) {
    throw new ConfigError('watchOutbound(): this runtime has no diagnostics channels; it needs Node.js.')
  }
  const complain = (error: unknown): void =>
    warn('SLUICE_LISTENER', `A listener of watchOutbound() failed: ${describe(error)}`)
  const heard = (message: unknown): void => {
    try {
      const report = reportOf(message as HeadersMessage)
      if (report === undefined) return
      const answer: unknown = listener(report)
      if (isThenable(answer)) Promise.resolve(answer).catch(complain)
    } catch (error) {
      complain(error)
    }
  }
  channels.subscribe(CHANNEL, heard)
  return () => channels.unsubscribe(CHANNEL, heard)
}

function reportOf({ request, response }: HeadersMessage): OutboundReport | undefined {
  const status = Number(response?.statusCode)
  const { limits, retryAt } = parseRateLimit(pairsOf(response?.headers))
  if (limits.length === 0 && retryAt === null && status !== 429) return undefined
  const [path = ''] = String(request?.path ?? '').split('?')
  return { origin: String(request?.origin ?? ''), method: String(request?.method ?? ''), path, status, limits, retryAt }
}

/** Names and values in turns, as bytes. */
function pairsOf(raw: unknown): readonly (readonly [string, string])[] {
  if (!Array.isArray(raw)) return []
  const pairs: [string, string][] = []
  for (let i = 0; i + 1 < raw.length; i += 2) pairs.push([String(raw[i]), String(raw[i + 1])])
  return pairs
}
