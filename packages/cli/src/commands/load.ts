import { METHODS, validateHeaderValue } from 'node:http'
import { ConfigError } from '@sluice/core'
import { checkTime, checkWhole } from '@sluice/core/runtime'
import type { Command } from 'commander'
import type { Behaviour, LoadResult } from '../load/load.js'
import { loadText } from '../load/load-text.js'
import { targetOf } from '../load/target.js'
import { checkConditions, parseFailIf } from '../report/fail-if.js'
import { CommandError, EXIT } from '../terminal/exit.js'
import { progressBar } from '../terminal/progress.js'
import type { Streams } from '../terminal/streams.js'
import { listed } from './log-options.js'
import { write } from './output.js'

interface LoadCommandOptions {
  readonly rps: string
  readonly clients: string
  readonly for: string
  readonly behave: string
  readonly method: string
  readonly header?: readonly string[]
  readonly as?: string
  readonly body?: string
  readonly timeout: string
  readonly iOwnThis?: boolean
  readonly json?: boolean
  readonly failIf?: readonly string[]
}

/** What is kept of each request has to fit into memory. */
const MOST_REQUESTS = 5_000_000

const MEASURES = ['denied', 'failed', 'dishonest']

export function loadCommand(program: Command, streams: Streams): void {
  program
    .command('load')
    .description('load a server of your own, and check that its rate-limit headers are true')
    .argument('<url>', 'such as http://localhost:3000/search')
    .option('--rps <count>', 'requests a second, over all clients', '50')
    .option('--clients <count>', 'clients, each of which has one request under way at a time', '10')
    .option('--for <time>', 'how long, such as 30s', '10s')
    .option('--behave <how>', 'polite: clients wait as they are told; hammer: they do not', 'polite')
    .option('--as <header>', "who a client is, such as 'x-api-key: load-{client}'; without it all are one")
    .option('--method <method>', 'the method', 'GET')
    .option('--header <header>', "sent with every request, such as 'authorization: Bearer …'", listed)
    .option('--body <text>', 'sent with every request')
    .option('--timeout <time>', 'how long a response may take', '10s')
    .option('--i-own-this', 'allow a target beyond loopback and private addresses')
    .option('--json', 'print JSON')
    .option(
      '--fail-if <condition>',
      `exit with code 3 where it holds: ${MEASURES.join(', ')}, such as 'dishonest>0'`,
      listed,
    )
    .action((url: string, options: LoadCommandOptions) => load(streams, url, options))
}

async function load(streams: Streams, url: string, options: LoadCommandOptions): Promise<void> {
  const conditions = (options.failIf ?? []).map((text) => parseFailIf(text, MEASURES))
  const rps = checkWhole('--rps', Number(options.rps), 1, 20_000)
  const clients = checkWhole('--clients', Number(options.clients), 1, 10_000)
  const durationMs = timeOf('--for', options.for, 24 * 3_600_000)
  if (rps * durationMs > MOST_REQUESTS * 1_000) {
    throw new ConfigError(
      `--rps and --for: ${MOST_REQUESTS} requests at the most, got ${Math.round((rps * durationMs) / 1_000)}.`,
    )
  }
  const timeoutMs = timeOf('--timeout', options.timeout, 600_000)
  const headers = Object.fromEntries((options.header ?? []).map((text) => headerIn('--header', text)))
  const as = options.as === undefined ? undefined : headerIn('--as', options.as)
  if (as !== undefined && !as[1].includes('{client}')) {
    throw new ConfigError(
      `--as: expected a value with {client}, such as 'x-api-key: load-{client}', got '${options.as}'.`,
    )
  }
  const target = await targetOf(url, options.iOwnThis === true)
  const method = options.method.toUpperCase()
  if (!METHODS.includes(method))
    throw new ConfigError(`--method: expected a method of HTTP such as POST, got '${options.method}'.`)
  const stop = new AbortController()
  const interrupt = (): void => stop.abort()
  process.once('SIGINT', interrupt)
  const progress = progressBar(
    streams,
    'Sending',
    Math.round((rps * durationMs) / 1_000),
    (count) => `${count} requests`,
  )
  const { body } = options
  const { runLoad } = await import('../load/load.js')
  const result = await runLoad({
    target,
    rps,
    clients,
    durationMs,
    timeoutMs,
    behaviour: behaviourOf(options.behave),
    isKeyed: as !== undefined,
    requestOf(client) {
      const own = as === undefined ? headers : { ...headers, [as[0]]: as[1].replaceAll('{client}', String(client)) }
      return { method, headers: own, body }
    },
    signal: stop.signal,
    onSent: () => progress.add(1),
  })
  process.removeListener('SIGINT', interrupt)
  progress.end()
  write(streams, options.json === true ? JSON.stringify(loadJson(result), null, 2) : loadText(result))
  const [reason] = result.tally.errors.keys()
  if (reason !== undefined && result.tally.statuses.size === 0) {
    throw new CommandError(`${target.url.origin} gave no response to any request: ${reason}.`, EXIT.failed)
  }
  checkConditions(conditions, [measured(result)])
}

function headerIn(option: string, text: string): readonly [name: string, value: string] {
  const [, name, value] = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):\s*(.*)$/.exec(text) ?? []
  if (name === undefined || value === undefined)
    throw new ConfigError(`${option}: expected a header such as 'x-api-key: abc', got '${text}'.`)
  try {
    validateHeaderValue(name, value)
  } catch {
    throw new ConfigError(`${option}: the value of ${name} has characters that a header cannot have.`)
  }
  return [name.toLowerCase(), value]
}

function timeOf(option: string, text: string, most: number): number {
  try {
    return checkTime(option, text as '30s', 100, most)
  } catch {
    throw new ConfigError(`${option}: expected a time such as 500ms, 30s or 2min, got '${text}'.`)
  }
}

function behaviourOf(text: string): Behaviour {
  if (text === 'polite' || text === 'hammer') return text
  throw new ConfigError(`--behave: expected polite or hammer, got '${text}'.`)
}

function loadJson({ tally, findings, tookMs }: LoadResult): object {
  const latencyMs = (of: 'admitted' | 'denied') => {
    return Object.fromEntries(tally.latency(of).map(([share, ms]) => [share === 1 ? 'max' : `p${share * 100}`, ms]))
  }
  return {
    tookMs,
    admitted: tally.admitted,
    denied: tally.denied,
    failed: tally.failed,
    heldBack: tally.heldBack,
    statuses: Object.fromEntries(tally.statuses),
    errors: Object.fromEntries(tally.errors),
    latencyMs: { admitted: latencyMs('admitted'), denied: latencyMs('denied') },
    limits: tally.limits,
    findings,
  }
}

function measured({ tally, findings }: LoadResult) {
  const all = Math.max(1, tally.admitted + tally.denied + tally.failed)
  const dishonest = findings.filter(({ isCertain }) => isCertain).reduce((sum, { count }) => sum + count, 0)
  const of = (count: number) => ({ count, share: count / all })
  return { name: 'load', values: { denied: of(tally.denied), failed: of(tally.failed), dishonest: of(dishonest) } }
}
