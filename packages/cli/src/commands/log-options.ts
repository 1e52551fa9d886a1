import { statSync } from 'node:fs'
import { ConfigError } from '@sluice/core'
import type { Command } from 'commander'
import type { FieldName } from '../logs/entry.js'
import { COLUMN_NAMES, type ColumnMap } from '../logs/formats/named-columns.js'
import { FORMAT_NAMES, formatNamed } from '../logs/formats.js'
import { type FileReport, LogFile, type ReadOptions } from '../logs/log-file.js'
import { isoTime } from '../logs/times.js'
import { type Peeked, readAll, type Span, type TakeRun } from '../replay/replay.js'
import { bytesOf, megabytes, progressBar } from '../terminal/progress.js'
import type { Streams } from '../terminal/streams.js'

/** Options of every command that reads logs. */
export interface LogOptions {
  readonly format?: string
  readonly map?: readonly string[]
  readonly from?: string
  readonly to?: string
}

export function withLogOptions(command: Command): Command {
  return command
    .option('--format <name>', `${FORMAT_NAMES.join(', ')}, or a log_format of nginx; detected by default`)
    .option(
      '--map <column=name>',
      `where JSON and CSV have ${Object.keys(COLUMN_NAMES).join(', ')} and header:<name>; repeatable`,
      listed,
    )
    .option('--from <time>', 'leave out what was before, such as 2026-10-01T00:00:00Z')
    .option('--to <time>', 'leave out what was at or after this time')
}

/** Options that may be given several times, or have several values separated by commas in one. */
export function listed(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value]
}

/** What reading logs came to. */
export interface ReadLogs extends Span {
  readonly reports: readonly FileReport[]
}

/**
 * Reads logs, and shows how far that is.
 * @throws {ConfigError} on options that cannot be right, and where there are no requests.
 */
export async function readLogs(
  streams: Streams,
  paths: readonly string[],
  options: LogOptions,
  wanted: readonly FieldName[],
  take: TakeRun,
): Promise<ReadLogs> {
  if (paths.filter((path) => path === '-').length > 1) throw new ConfigError("Standard input, '-', can be read once.")
  const map = mapOf(options.map ?? [])
  const read = {
    stdin: streams.stdin,
    format: options.format === undefined ? undefined : formatNamed(options.format, map),
    map,
    wanted,
    from: timeOf('--from', options.from) ?? Number.NEGATIVE_INFINITY,
    to: timeOf('--to', options.to) ?? Number.POSITIVE_INFINITY,
  }
  const progress = progressBar(streams, 'Reading', bytesOf(paths), megabytes)
  const files = paths.map((path) => new LogFile(path, { ...read, onBytes: (count) => progress.add(count) }))
  try {
    const span = await readAll(files, (file) => peek(file, read), take)
    const reports = files.map(({ report }) => report)
    if (reports.every(({ entries }) => entries === 0)) throw noRequests(reports)
    return { ...span, reports }
  } finally {
    progress.end()
  }
}

/** Pipes cannot be opened twice, as files can: they are taken to begin first, and to have whole seconds. */
async function peek({ path }: LogFile, read: Omit<ReadOptions, 'onBytes'>): Promise<Peeked> {
  if (path === '-' || statSync(path, { throwIfNoEntry: false })?.isFile() === false) {
    return { firstAt: Number.NEGATIVE_INFINITY, isCoarse: true }
  }
  const whole = { from: Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY, onBytes: () => undefined }
  const file = new LogFile(path, { ...read, ...whole })
  const firstAt = await file.firstAt()
  return { firstAt, isCoarse: file.isCoarse }
}

function noRequests(reports: readonly FileReport[]): ConfigError {
  if (reports.some((report) => report.outside > 0))
    return new ConfigError('The logs have no requests from --from to --to.')
  const unreadable = reports.filter((report) => report.unreadable > 0)
  if (unreadable.length === 0) return new ConfigError('The logs have no requests.')
  const lines = unreadable.map(
    ({ path, format, samples: [first] }) => `${path}: no line could be read as ${format}, such as: ${first}`,
  )
  return new ConfigError(lines.join('\n'))
}

function mapOf(texts: readonly string[]): ColumnMap {
  const entries = texts
    .flatMap((text) => text.split(','))
    .map((text) => {
      const [, column, name] = /^(header:[\w-]+|[\w-]+)=(.+)$/.exec(text) ?? []
      const isHeader = column?.startsWith('header:') === true
      if (column === undefined || name === undefined || !(isHeader || Object.hasOwn(COLUMN_NAMES, column))) {
        throw new ConfigError(
          `--map: expected a column and its name in the file, such as time=when, of ${Object.keys(COLUMN_NAMES).join(', ')} and header:<name>; got ` +
            `'${text}'.`,
        )
      }
      return [isHeader ? column.toLowerCase() : column, name] as const
    })
  return Object.fromEntries(entries)
}

function timeOf(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const isIso = /^\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)?)?$/.test(text)
  const ms = isIso ? isoTime(text.length === 10 ? `${text}T00:00Z` : text) : Number.NaN
  if (Number.isNaN(ms))
    throw new ConfigError(`${option}: expected a time such as 2026-10-01 or 2026-10-01T12:00:00Z, got '${text}'.`)
  return ms
}
