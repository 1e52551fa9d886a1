import { readFileSync } from 'node:fs'
import { isDeepStrictEqual } from 'node:util'
import { ConfigError } from '@sluice/core'
import { describe } from '@sluice/core/runtime'
import type { DescribedLimit, DescribeOptions, LimitedRoute } from '@sluice/openapi'
import type { Command } from 'commander'
import { parse, stringify } from 'yaml'
import { appFrom } from '../docs/app-module.js'
import { isRoute } from '../limits/route-pattern.js'
import { count } from '../report/numbers.js'
import { CommandError, EXIT } from '../terminal/exit.js'
import type { Streams } from '../terminal/streams.js'
import { listed } from './log-options.js'
import { write } from './output.js'

interface SourceOptions {
  readonly app?: string
  readonly config?: string
  readonly route?: readonly string[]
  readonly key?: readonly string[]
  readonly in?: string
}

interface OpenApiOptions extends SourceOptions {
  readonly in: string
  readonly out?: string
  readonly overlay?: boolean
  readonly check?: boolean
  readonly json?: boolean
}

interface MarkdownOptions extends SourceOptions {
  readonly out?: string
  readonly title?: string
  readonly json?: boolean
  readonly url?: string
}

export function docsCommand(program: Command, streams: Streams): void {
  const docs = program
    .command('docs')
    .description('document limits: in an OpenAPI document, or on a page for customers')
  withSources(
    docs.command('openapi').description('add limits to an OpenAPI document: 429 responses, header fields, x-ratelimit'),
  )
    .requiredOption('--in <file>', 'an OpenAPI 3 document, YAML or JSON')
    .option('--out <file>', 'where it goes, which may be the same file; standard output by default')
    .option('--overlay', 'write an OpenAPI Overlay instead')
    .option('--check', 'write nothing, and exit with code 3 where the document is not up to date')
    .option('--json', 'print JSON')
    .action((options: OpenApiOptions) => openapi(streams, options))
  withSources(
    docs.command('markdown').description("a page for an API's customers: limits, header fields, how to retry"),
  )
    .option('--in <file>', 'an OpenAPI 3 document, for the routes of the limits of --config')
    .option('--out <file>', 'where it goes; standard output by default')
    .option('--title <title>', 'the title of the page')
    .option('--json', 'print the limits of each route as JSON')
    .option('--url <url>', 'what the programs on the page ask')
    .action((options: MarkdownOptions) => markdown(streams, options))
}

function withSources(command: Command): Command {
  return command
    .option(
      '--app <module>',
      'a module that exports an app of Express, Koa or Fastify, such as ./app.js or ./app.js#router',
    )
    .option('--config <file>', 'a sluice.config file; without --app, that of the working directory')
    .option(
      '--route <operation=limit>',
      "which limits of --config an operation has, such as 'POST /login=login' or '*=api'",
      listed,
    )
    .option('--key <limit=words>', "whose quota it is, where a function says so, such as 'api=API key'", listed)
}

async function openapi(streams: Streams, options: OpenApiOptions): Promise<void> {
  const { checkDocument, documentText } = await import('@sluice/openapi')
  const text = read(options.in)
  const routes = await routesOf(options, text)
  if (options.overlay === true) return overlay(streams, options, text, routes)
  if (options.check === true) {
    const drifts = naming(options.in, () => checkDocument(text, routes))
    if (options.json === true) write(streams, JSON.stringify(drifts, null, 2))
    if (drifts.length === 0) return
    const lines = drifts.map(({ where, what, state }) => `  ${where}${what === '' ? '' : `, ${what}`}: ${state}`)
    throw new CommandError(
      `${options.in} is not up to date:\n${lines.join('\n')}\nRun the command with --out ${options.in} in place of --check.`,
      EXIT.condition,
    )
  }
  const document = naming(options.in, () => documentText(text, routes))
  write(streams, options.json === true ? JSON.stringify(parse(document), null, 2) : document, options.out)
  if (options.out !== undefined && options.out !== '-')
    streams.stderr.write(`${options.out}: ${limitedCount(document)}\n`)
}

/** An overlay is written, or compared with the one that is there. */
async function overlay(
  streams: Streams,
  options: OpenApiOptions,
  text: string,
  routes: readonly LimitedRoute[],
): Promise<void> {
  const { overlayOf } = await import('@sluice/openapi')
  const made = naming(options.in, () => overlayOf(parsed(text), routes))
  const { out, check, json } = options
  if (check !== true) {
    return write(
      streams,
      json === true || out?.endsWith('.json') === true ? JSON.stringify(made, null, 2) : stringify(made),
      out,
    )
  }
  if (out === undefined) throw new ConfigError('--check with --overlay compares the file that --out names.')
  if (!isDeepStrictEqual(parse(read(out, '--out')), JSON.parse(JSON.stringify(made)))) {
    throw new CommandError(`${out} is not up to date. Run the command without --check.`, EXIT.condition)
  }
}

async function markdown(streams: Streams, options: MarkdownOptions): Promise<void> {
  const { limitsMarkdown } = await import('@sluice/openapi')
  const { title, url, out, json } = options
  const limits = options.app === undefined && options.in === undefined ? await configured(options) : undefined
  const about = limits ?? (await routesOf(options, options.in === undefined ? undefined : read(options.in)))
  write(streams, json === true ? JSON.stringify(about, null, 2) : limitsMarkdown(about, { title, url }), out)
}

/** The routes of an app, or the operations of a document by a configuration. */
async function routesOf(options: SourceOptions, text: string | undefined): Promise<readonly LimitedRoute[]> {
  const { configuredRoutes, limitedRoutes } = await import('@sluice/openapi')
  if (options.app !== undefined) {
    if (options.config !== undefined || options.route !== undefined) {
      throw new ConfigError('--app cannot be combined with --config or --route: the app has its own limits.')
    }
    const routes = limitedRoutes(await appFrom(options.app), describeOptions(options))
    if (!routes.some(({ limits }) => limits.length > 0)) {
      throw new ConfigError(`--app: no route of ${options.app} has a limit that can be read.`)
    }
    return routes
  }
  const limits = await configured(options)
  return naming(options.in, () => configuredRoutes(parsed(text), limits, { routes: routeMap(options.route) }))
}

/** How many operations of a document are limited. */
function limitedCount(document: string): string {
  const paths: unknown = Reflect.get(parsed(document), 'paths')
  const operations = Object.values(Object(paths))
    .flatMap((item) => Object.entries(Object(item)))
    .filter(([name]) => /^(?:get|put|post|delete|options|head|patch|trace|query)$/.test(name))
  const limited = operations.filter(([, operation]) => Object.hasOwn(Object(operation), 'x-ratelimit'))
  return `${limited.length} of ${count(operations.length, 'operation')} limited.`
}

/** Errors name the file, not the function that read it. */
function naming<T>(path: string | undefined, work: () => T): T {
  try {
    return work()
  } catch (error) {
    const sentence = describe(error).replace(/^\w+\(\): /, '')
    throw new ConfigError(path === undefined ? sentence : `${path}: ${sentence}`)
  }
}

function parsed(text: string | undefined): object {
  const document: unknown = parse(text ?? '')
  return typeof document === 'object' && document !== null ? document : {}
}

async function configured(options: SourceOptions): Promise<readonly DescribedLimit[]> {
  const [{ describeLimits }, { loadConfig }] = await Promise.all([import('@sluice/openapi'), import('@sluice/config')])
  const config = await loadConfig(options.config === undefined ? {} : { path: options.config })
  return describeLimits(config, describeOptions(options))
}

function describeOptions({ key = [] }: SourceOptions): DescribeOptions {
  return { keys: Object.fromEntries(key.map((text) => pair('--key', text, 'api=API key'))) }
}

function routeMap(texts: readonly string[] = []): Readonly<Record<string, readonly string[] | false>> {
  return Object.fromEntries(
    texts.map((text) => {
      const [one, other] = pair('--route', text, 'POST /login=login')
      // In either order, as sluice simulate has the limit first.
      const [operation, names] = isRoute(other) ? [other, one] : [one, other]
      return [operation, names === 'none' ? false : names.split('+')]
    }),
  )
}

function pair(option: string, text: string, example: string): readonly [string, string] {
  const at = text.lastIndexOf('=')
  if (at < 1 || at === text.length - 1)
    throw new ConfigError(`${option}: expected a pair such as '${example}', got '${text}'.`)
  return [text.slice(0, at).trim(), text.slice(at + 1).trim()]
}

function read(path: string, option = '--in'): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    throw new ConfigError(
      code === 'ENOENT'
        ? `${option}: there is no file ${path}.`
        : `${option}: ${path} cannot be read: ${String(error)}`,
    )
  }
}
