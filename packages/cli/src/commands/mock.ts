import { once } from 'node:events'
import { ConfigError } from '@sluice/core'
import { describe } from '@sluice/core/runtime'
import type { Fault, MockApi, MockPolicy, PresetName, ReceivedRequest, Violation } from '@sluice/testing'
import type { Command } from 'commander'
import { type LimitText, parseLimitText } from '../limits/limit-text.js'
import { count } from '../report/numbers.js'
import { printable } from '../result/shown-key.js'
import { CommandError, EXIT } from '../terminal/exit.js'
import { plain } from '../terminal/plain.js'
import type { Streams } from '../terminal/streams.js'
import { listed } from './log-options.js'

interface MockOptions {
  readonly limit?: readonly string[]
  readonly preset: string
  readonly port: string
  readonly openapi?: string
  readonly latency?: string
  readonly fault?: readonly string[]
  readonly json?: boolean
  readonly check?: boolean
}

export function mockCommand(program: Command, streams: Streams): void {
  program
    .command('mock')
    .description('a limited API to try clients on: it says what they do wrong')
    .option(
      '--limit <limit>',
      "repeatable, such as '5/10s', '100k tokens/min', 'POST /login: 5/15min', '10/s, 1000/day'",
      listed,
    )
    .option('--preset <name>', 'the dialect: ietf, legacy, github, openai, anthropic, azure or stripe', 'ietf')
    .option('--port <port>', 'the port at localhost; 0 for any that is free', '4010')
    .option('--openapi <file>', 'has the routes of an OpenAPI document, and answers with its examples')
    .option('--latency <ms>', 'before an answer: milliseconds, or a range such as 50-200')
    .option(
      '--fault <fault>',
      "what goes wrong, such as 'every=7,status=503', 'from=5,to=9,status=429,retryAfter=2', 'every=10,hang', 'to=1,reset' or 'clockSkewMs=-120000'",
      listed,
    )
    .option('--json', 'print requests and violations as JSON lines')
    .option('--check', 'at the end, exit with code 3 where a client did something wrong')
    .action((options: MockOptions) => mock(streams, options))
}

async function mock({ stdout }: Streams, options: MockOptions): Promise<void> {
  const { mockApi } = await import('@sluice/testing')
  const printLine = (line: string): void => void stdout.write(`${line}\n`)
  const print = options.json === true ? jsonPrinter(printLine) : textPrinter(printLine)
  const api = await asOptions(() =>
    mockApi({
      limits: limitsOf(options.limit),
      // Checked by the mock, which names those that there are.
      preset: options.preset as PresetName,
      port: wholeNumber('--port', options.port),
      openapi: options.openapi,
      latency: latencyOf(options.latency),
      faults: (options.fault ?? []).map(faultIn),
      onRequest: (request) => print.request(request),
    }),
  )
  const shown = new Set<string>()
  // A violation is found by the requests that show it, and may be seen only later.
  const fresh = ({ violations }: MockApi): readonly Violation[] =>
    violations.filter((violation) => {
      const id = `${violation.kind} ${violation.requests.map(({ number }) => number).join()}`
      return !shown.has(id) && shown.add(id)
    })
  const report = (): void => {
    for (const violation of fresh(api)) print.violation(violation)
  }
  // Found anew each time, by all requests that are known: not at each request.
  const reporting = setInterval(report, 500)
  const interrupted = Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')])
  print.began(api)
  await interrupted
  clearInterval(reporting)
  report()
  const { requests, violations } = api
  await api.close()
  print.ended(requests.length, violations)
  if (options.check === true && requests.length === 0) {
    throw new CommandError('No request was received, so that nothing was checked.', EXIT.condition)
  }
  if (options.check === true && violations.length > 0) {
    throw new CommandError(`Clients did something wrong: ${count(violations.length, 'violation')}.`, EXIT.condition)
  }
}

/** What the mock says of its options, by the names that they have here. */
async function asOptions<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const sentence = describe(error).replace(/^mockApi\(\): /, '')
    throw new ConfigError(
      sentence.replace(/^(fault|limit)s:|^(preset|port|latency|openapi):/, (_, some, one) => `--${some ?? one}:`),
    )
  }
}

interface Printer {
  began(api: MockApi): void
  request(request: ReceivedRequest): void
  violation(violation: Violation): void
  ended(requests: number, violations: readonly Violation[]): void
}

type PrintLine = (line: string) => void

const textPrinter = (print: PrintLine): Printer => ({
  began: ({ url }) => print(`A limited API is at ${url}; Ctrl-C ends it.`),
  request({ number, method, path, status, waitMs }) {
    const wait = waitMs === undefined ? '' : `  wait ${Math.ceil(waitMs / 1_000)} s`
    print(
      `${String(number).padStart(5)}  ${status ?? 'no answer'}  ${method} ${printable(path.replace(/\?.*$/s, ''))}${wait}`,
    )
  },
  violation: ({ kind, message }) => print(`       ${kind}: ${plain(message)}`),
  ended(requests, violations) {
    const kinds = [...new Set(violations.map(({ kind }) => kind))]
    const found = kinds.map((kind) => `${violations.filter((one) => one.kind === kind).length} × ${kind}`)
    print(
      `${count(requests, 'request')}. ${found.length === 0 ? 'Clients did nothing wrong.' : `Violations: ${found.join(', ')}`}`,
    )
  },
})

const jsonPrinter = (print: PrintLine): Printer => ({
  began: ({ url }) => print(JSON.stringify({ url })),
  request({ number, method, path, status, waitMs, at }) {
    print(
      JSON.stringify({
        request: number,
        at,
        method,
        path: path.replace(/\?.*$/s, ''),
        status: status ?? null,
        waitMs: waitMs ?? null,
      }),
    )
  },
  violation: ({ kind, message, requests }) =>
    print(JSON.stringify({ violation: kind, message, requests: requests.map(({ number }) => number) })),
  ended: (requests, violations) => print(JSON.stringify({ requests, violations: violations.length })),
})

/** Limits with a route are by route; one without is of all other requests. */
function limitsOf(texts: readonly string[] = []): Readonly<Record<string, readonly MockPolicy[]>> | undefined {
  if (texts.length === 0) return undefined
  const parsed = texts.map(parseLimitText)
  const routed = parsed.filter(({ route }) => route !== undefined)
  const others = parsed.filter(({ route }) => route === undefined)
  // The policies of one route are one decision.
  const all = others.flatMap(named)
  return Object.fromEntries([
    ...routed.map((limit) => [limit.route ?? '', limit.policies]),
    ...(all.length === 0 ? [] : [['*', all]]),
  ])
}

/** Policies by the name of their limit, where it has one. */
function named({ name, text, policies }: LimitText): readonly MockPolicy[] {
  if (name === text) return policies
  return policies.map((policy, i) => ({ name: policies.length === 1 ? name : `${name}-${i + 1}`, policy }))
}

function latencyOf(text: string | undefined): number | readonly [number, number] | undefined {
  if (text === undefined) return undefined
  const [, from, to] = /^(\d+)(?:-(\d+))?$/.exec(text) ?? []
  if (from === undefined)
    throw new ConfigError(`--latency: expected milliseconds such as 50, or a range such as 50-200, got '${text}'.`)
  return to === undefined ? Number(from) : [Number(from), Number(to)]
}

/** `every=7,status=503`: numbers, words, and `true` for what has no value. The mock checks what it means. */
function faultIn(text: string): Fault {
  const entries = text.split(',').map((part) => {
    const [, name, value] = /^\s*(\w+)(?:=(.+?))?\s*$/.exec(part) ?? []
    if (name === undefined)
      throw new ConfigError(`--fault: expected a fault such as 'every=7,status=503' or 'every=10,hang', got '${text}'.`)
    if (value === undefined) return [name, true]
    return [name, /^-?\d+$/.test(value) ? Number(value) : value]
  })
  return Object.fromEntries(entries) as Fault
}

function wholeNumber(option: string, text: string): number {
  const value = Number(text)
  if (text.trim() !== '' && Number.isInteger(value) && value >= 0) return value
  throw new ConfigError(`${option}: expected a whole number ≥ 0, got '${text}'.`)
}
