import type { Config } from '@sluice/config'
import type { Command } from 'commander'
import { COMPARISON_MEASURES, comparisonMeasures, comparisonOf } from '../compare/comparison.js'
import { comparisonText } from '../compare/comparison-text.js'
import { Flips } from '../compare/flips.js'
import { ofEachName } from '../limits/by-limit.js'
import { configLimits } from '../limits/config-limits.js'
import { isSecretSource } from '../limits/entry-keys.js'
import { keyReader } from '../limits/key-reader.js'
import { openApiRoutes } from '../limits/openapi-routes.js'
import { WantedFields } from '../logs/entry.js'
import { AS_IT_IS, Replay } from '../replay/replay.js'
import { checkConditions, parseFailIf } from '../report/fail-if.js'
import { shownText } from '../result/shown-key.js'
import { routeReader } from '../suggest/route-template.js'
import type { Streams } from '../terminal/streams.js'
import { type LogOptions, listed, readLogs, withLogOptions } from './log-options.js'
import { checkTop, write } from './output.js'

interface CompareOptions extends LogOptions {
  readonly key: string
  readonly route?: readonly string[]
  readonly openapi?: string
  readonly top: string
  readonly showKeys?: boolean
  readonly json?: boolean
  readonly markdown?: boolean
  readonly failIf?: readonly string[]
}

export function compareCommand(program: Command, streams: Streams): void {
  withLogOptions(
    program
      .command('compare')
      .description('replay access logs against two configurations: what changes from allowed to denied, and back')
      .argument('<before>', 'a sluice.config file')
      .argument('<now>', 'another one')
      .argument('<log...>', "access logs, also by gzip; '-' for standard input")
      .option('--key <key>', 'by which changes are listed: ip, ip/24, header:<name>, field:<name>, json:<path>', 'ip')
      .option(
        '--route <route>',
        "the route of a limit, such as 'login=POST /login'; '/v1/*' alone is for all limits; repeatable",
        listed,
      )
      .option('--openapi <file>', 'routes by operationId: a limit of that name covers the operation')
      .option('--top <count>', 'keys and routes to list', '20')
      .option('--show-keys', 'show keys that may be secrets, such as API keys'),
  )
    .option('--json', 'print JSON')
    .option('--markdown', 'print Markdown')
    .option(
      '--fail-if <condition>',
      `exit with code 3 where it holds: ${COMPARISON_MEASURES.join(', ')}, with >, >=, < or <=, such as 'denied>0.5%'; repeatable`,
      listed,
    )
    .action((before: string, now: string, paths: readonly string[], options: CompareOptions) =>
      compare(streams, before, now, paths, options),
    )
}

async function compare(
  streams: Streams,
  before: string,
  now: string,
  paths: readonly string[],
  options: CompareOptions,
): Promise<void> {
  const conditions = (options.failIf ?? []).map((text) => parseFailIf(text, COMPARISON_MEASURES))
  const top = checkTop(options.top)
  const wanted = new WantedFields()
  const openapi = options.openapi === undefined ? undefined : openApiRoutes(options.openapi)
  const { loadConfig } = await import('@sluice/config')
  const [oldConfig, newConfig] = [await loadConfig(before), await loadConfig(now)]
  const names = new Set([oldConfig, newConfig].flatMap(({ limits = {} }) => Object.keys(limits)))
  const routes = ofEachName('--route', options.route ?? [], [...names])
  const operations = openapi?.operations ?? new Map<string, string>()
  const replayOf = (config: Config): Replay => new Replay(configLimits(config, { routes, operations }, wanted), 'none')
  const [old, next] = [replayOf(oldConfig), replayOf(newConfig)]
  const keys = keyReader(options.key, wanted)
  const flips = new Flips()
  const routeOf = routeReader(openapi)
  const { reports: _reports, ...span } = await readLogs(streams, paths, options, wanted.fields, (entries) => {
    const places = keys.placesOf(entries)
    const [wasDenied, isDenied] = [old.take(entries, AS_IT_IS), next.take(entries, AS_IT_IS)]
    for (const [i, entry] of entries.entries()) {
      const key = keys.keys[places[i] ?? -1] ?? ''
      flips.note(entry, key, routeOf(entry) ?? 'no route', wasDenied[i] === 1, isDenied[i] === 1)
    }
  })
  const isSecret = isSecretSource(options.key) && options.showKeys !== true
  const comparison = comparisonOf(flips, old, next, span, top, (key) =>
    key === '' ? 'no key' : shownText(key, isSecret),
  )
  write(
    streams,
    options.json === true ? JSON.stringify(comparison, null, 2) : comparisonText(comparison, options.markdown === true),
  )
  checkConditions(conditions, comparisonMeasures(comparison))
}
