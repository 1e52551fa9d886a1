import { ConfigError } from '@sluice/core'
import type { Command } from 'commander'
import { ofEachName } from '../limits/by-limit.js'
import { ALGORITHMS, commandLimits } from '../limits/command-limits.js'
import { configLimits } from '../limits/config-limits.js'
import { openApiRoutes } from '../limits/openapi-routes.js'
import type { SimulatedLimit } from '../limits/simulated-limit.js'
import { WantedFields } from '../logs/entry.js'
import { Replay } from '../replay/replay.js'
import type { RetryModel } from '../replay/retries.js'
import { checkConditions, parseFailIf, SIMULATION_MEASURES, simulationMeasures } from '../report/fail-if.js'
import { simulationHtml } from '../report/simulation-html.js'
import { simulationMarkdown } from '../report/simulation-markdown.js'
import { simulationText } from '../report/simulation-text.js'
import type { SimulationResult } from '../result/result.js'
import { resultOf } from '../result/simulation-result.js'
import type { Streams } from '../terminal/streams.js'
import { type LogOptions, listed, readLogs, withLogOptions } from './log-options.js'
import { checkTop, write } from './output.js'
import { suggestLimits } from './suggest.js'

interface SimulateOptions extends LogOptions {
  readonly limit?: readonly string[]
  readonly key?: readonly string[]
  readonly route?: readonly string[]
  readonly cost?: readonly string[]
  readonly algorithm?: string
  readonly config?: string
  readonly openapi?: string
  readonly suggest?: boolean
  readonly retries: string
  readonly top: string
  readonly showKeys?: boolean
  readonly json?: boolean
  readonly markdown?: boolean
  readonly html?: string
  readonly failIf?: readonly string[]
}

export function simulateCommand(program: Command, streams: Streams): void {
  withLogOptions(
    program
      .command('simulate')
      .description('replay access logs against limits: what they would have denied')
      .argument('<log...>', "access logs, also by gzip; '-' for standard input")
      .option(
        '--limit <limit>',
        "such as '100/min', 'login: 5/15min', 'POST /login: 5/15min', '10/s burst 20'; repeatable",
        listed,
      )
      .option('--suggest', 'propose limits from the highest use of each key, instead of --limit')
      .option('--config <file>', 'the limits and plans of a sluice.config file')
      .option(
        '--key <key>',
        'ip, ip/24, route, header:<name>, field:<name>, json:<path>, joined by +; <limit>=<key> for one limit; repeatable',
        listed,
      )
      .option(
        '--route <route>',
        "the route of a limit, such as 'login=POST /login'; '/v1/*' alone is for all limits; repeatable",
        listed,
      )
      .option('--openapi <file>', 'routes by operationId: a limit of that name covers the operation')
      .option('--cost <cost>', 'units of a request: a number or a field', listed)
      .option('--algorithm <name>', `of the limits by --limit: ${Object.keys(ALGORITHMS).join(', ')}`)
      .option('--retries <model>', 'what denied clients do: none, obey or hammer', 'none')
      .option('--top <count>', 'keys to list for each limit; 20 by default', '20')
      .option('--show-keys', 'show keys that may be secrets, such as API keys'),
  )
    .option('--json', 'print JSON')
    .option('--markdown', 'print Markdown')
    .option('--html <file>', 'write a report with charts as one HTML file')
    .option(
      '--fail-if <condition>',
      `exit with code 3 where it holds: ${SIMULATION_MEASURES.join(', ')}, with >, >=, < or <=, such as 'denied>0.5%' or 'login:keys>3'; repeatable`,
      listed,
    )
    .action(async (paths: readonly string[], options: SimulateOptions) => {
      if (options.suggest === true) return suggest(streams, paths, options)
      const conditions = (options.failIf ?? []).map((text) => parseFailIf(text, SIMULATION_MEASURES))
      const result = await simulate(streams, paths, options)
      print(streams, result, options)
      checkConditions(conditions, simulationMeasures(result))
    })
}

const NOT_WITH_SUGGEST = ['limit', 'config', 'html', 'failIf', 'algorithm', 'route', 'cost', 'retries'] as const

async function suggest(streams: Streams, paths: readonly string[], options: SimulateOptions): Promise<void> {
  const { key: keys = ['ip'], openapi } = options
  for (const name of NOT_WITH_SUGGEST) {
    if (options[name] === undefined || (name === 'retries' && options.retries === 'none')) continue
    throw new ConfigError(`--suggest cannot be combined with --${name === 'failIf' ? 'fail-if' : name}.`)
  }
  if (keys.length > 1) throw new ConfigError('--suggest takes one --key.')
  const [keyText = 'ip'] = keys
  await suggestLimits(streams, paths, keyText, openapi === undefined ? undefined : openApiRoutes(openapi), options)
}

async function simulate(
  streams: Streams,
  paths: readonly string[],
  options: SimulateOptions,
): Promise<SimulationResult> {
  const retries = retryModel(options.retries)
  const top = checkTop(options.top)
  const wanted = new WantedFields()
  const limits = await limitsOf(options, wanted)
  const replay = new Replay(limits, retries)
  const { reports, ...span } = await readLogs(streams, paths, options, wanted.fields, (entry, isCoarse) =>
    replay.take(entry, isCoarse),
  )
  replay.end()
  return resultOf(replay, reports, span, { top, showKeys: options.showKeys === true, retries })
}

async function limitsOf(options: SimulateOptions, wanted: WantedFields): Promise<readonly SimulatedLimit[]> {
  const { limit: limits = [], config, key: keys = [], route: routes = [], cost: costs = [], algorithm } = options
  if (limits.length === 0 && config === undefined) {
    throw new ConfigError(
      "No limit was given: use --limit '100/min', --config sluice.config.yaml, or --suggest for proposals.",
    )
  }
  const operations =
    options.openapi === undefined ? new Map<string, string>() : openApiRoutes(options.openapi).operations
  if (config === undefined) return commandLimits({ limits, keys, routes, costs, algorithm, operations }, wanted)
  if (limits.length > 0) {
    throw new ConfigError('Either --limit or --config: sluice compare shows two sets of limits side by side.')
  }
  for (const [option, given] of [
    ['--key', options.key],
    ['--cost', options.cost],
    ['--algorithm', algorithm],
  ] as const) {
    if (given !== undefined) throw new ConfigError(`${option} goes with --limit: a configuration has its own.`)
  }
  const { loadConfig } = await import('@sluice/config')
  const loaded = await loadConfig(config)
  const byName = ofEachName('--route', routes, Object.keys(loaded.limits ?? {}))
  return configLimits(loaded, { routes: byName, operations }, wanted)
}

function print(streams: Streams, result: SimulationResult, { json, markdown, html }: SimulateOptions): void {
  if (html !== undefined) write(streams, simulationHtml(result), html)
  if (json === true) write(streams, JSON.stringify(result, null, 2))
  else write(streams, markdown === true ? simulationMarkdown(result) : simulationText(result))
}

function retryModel(text: string): RetryModel {
  if (text === 'none' || text === 'obey' || text === 'hammer') return text
  throw new ConfigError(`--retries: expected none, obey or hammer, got '${text}'.`)
}
