import { ConfigError } from '@sluice/core'
import { commandLimits } from '../limits/command-limits.js'
import { isSecretSource } from '../limits/entry-keys.js'
import { keyReader } from '../limits/key-reader.js'
import type { OpenApiRoutes } from '../limits/openapi-routes.js'
import { type LogEntry, WantedFields } from '../logs/entry.js'
import { AS_IT_IS, Replay } from '../replay/replay.js'
import { duration } from '../report/numbers.js'
import { shownText } from '../result/shown-key.js'
import { ALL, Peaks } from '../suggest/peaks.js'
import { routeReader } from '../suggest/route-template.js'
import { LEAST_KEYS, LEAST_SPAN_MS, limitText, type Suggestion, suggest } from '../suggest/suggestion.js'
import { suggestionText, type Verified } from '../suggest/suggestion-text.js'
import type { Streams } from '../terminal/streams.js'
import { type LogOptions, readLogs } from './log-options.js'
import { write } from './output.js'

export interface SuggestOptions extends LogOptions {
  readonly json?: boolean
  readonly markdown?: boolean
  readonly showKeys?: boolean
}

/** `sluice simulate --suggest`. @throws {ConfigError} where there is too little to propose anything by. */
export async function suggestLimits(
  streams: Streams,
  paths: readonly string[],
  keyText: string,
  openapi: OpenApiRoutes | undefined,
  options: SuggestOptions,
): Promise<void> {
  const suggestion = await suggestFrom(streams, paths, keyText, openapi, options)
  const verified = paths.includes('-') ? [] : await verify(streams, suggestion, paths, keyText, openapi, options)
  if (options.json === true) write(streams, JSON.stringify({ ...suggestion, verified }, null, 2))
  else write(streams, suggestionText(suggestion, verified, options.markdown === true))
}

async function suggestFrom(
  streams: Streams,
  paths: readonly string[],
  keyText: string,
  openapi: OpenApiRoutes | undefined,
  options: SuggestOptions,
): Promise<Suggestion> {
  const wanted = new WantedFields()
  const keys = keyReader(keyText, wanted)
  const agentAt = wanted.place({ kind: 'known', name: 'user-agent' })
  const peaks = new Peaks(keys, routeReader(openapi), agentAt)
  const { firstAt, lastAt } = await readLogs(streams, paths, options, wanted.fields, (entries) => peaks.add(entries))
  checkEnough(peaks.routes.get(ALL)?.size ?? 0, lastAt - firstAt)
  const isSecret = isSecretSource(keyText) && options.showKeys !== true
  return suggest(peaks, { firstAt, lastAt }, keyText, (key) => shownText(key, isSecret))
}

function checkEnough(keys: number, spanMs: number): void {
  if (keys < LEAST_KEYS) {
    throw new ConfigError(
      `--suggest: not enough data: ${keys} keys, but a proposal needs ${LEAST_KEYS} or more. Use logs of more days.`,
    )
  }
  if (spanMs < LEAST_SPAN_MS) {
    throw new ConfigError(
      `--suggest: not enough data: the logs cover ${duration(Math.max(0, spanMs))}, but a proposal needs a day or more.`,
    )
  }
}

/** Replays the same logs with what is proposed. */
async function verify(
  streams: Streams,
  { routes }: Suggestion,
  paths: readonly string[],
  keyText: string,
  openapi: OpenApiRoutes | undefined,
  options: SuggestOptions,
): Promise<readonly Verified[]> {
  const wanted = new WantedFields()
  const routeOf = routeReader(openapi)
  const limits = commandLimits(
    {
      limits: routes.map((route, i) => `${i}: ${limitText(route)}`),
      keys: [keyText],
      routes: [],
      costs: [],
      algorithm: undefined,
      operations: new Map(),
    },
    wanted,
  ).map((limit, i) => {
    const route = routes[i]?.route
    return route === ALL ? limit : { ...limit, covers: (entry: LogEntry) => routeOf(entry) === route }
  })
  const replay = new Replay(limits, 'none')
  await readLogs(streams, paths, options, wanted.fields, (entries) => replay.take(entries, AS_IT_IS))
  return replay.limits.map(({ tally }, i) => ({
    route: routes[i]?.route ?? ALL,
    deniedShare: tally.denied / Math.max(1, tally.allowed + tally.denied),
    keysDenied: tally.deniedKeys.length,
  }))
}
