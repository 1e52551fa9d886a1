import { ConfigError } from '@sluice/core'
import { type FieldName, LogEntry, NO_VALUES } from '../entry.js'
import { pathOf, RequestLines } from '../request-line.js'
import { anyTime, TimeReader } from '../times.js'
import {
  COLUMN_NAMES,
  type Column,
  type ColumnMap,
  columnNamesOf,
  durationUnitMs,
  TIMES_OF_BEGINNING,
} from './named-columns.js'

/** Reads rows of columns whose names stand in the file: CSV, and CloudFront's. */
export class ColumnReader {
  readonly times: TimeReader = new TimeReader(anyTime)
  readonly #requests = new RequestLines()
  readonly #wanted: readonly FieldName[]
  readonly #map: ColumnMap
  #places: Readonly<Record<Column, number>> = NOWHERE
  #wantedPlaces: readonly number[] = []
  /** CloudFront has the date in a column of its own. */
  #dateAt = -1
  #unitMs = 0

  constructor(wanted: readonly FieldName[], map: ColumnMap = {}) {
    this.#wanted = wanted
    this.#map = map
  }

  /** @throws {ConfigError} where a column that was named by `--map` is not among the names. */
  declare(names: readonly string[]): void {
    for (const [column, name] of Object.entries(this.#map)) {
      if (name === undefined || names.includes(name)) continue
      throw new ConfigError(`--map: there is no column '${name}' for ${column}. The columns are: ${names.join(', ')}.`)
    }
    const find = (some: readonly string[]): number => {
      for (const name of some) if (names.includes(name)) return names.indexOf(name)
      return -1
    }
    const entries = Object.entries(COLUMN_NAMES).map(([column, own]) => {
      const named = this.#map[column as Column]
      return [column, find(named === undefined ? own : [named])]
    })
    this.#places = { ...NOWHERE, ...Object.fromEntries(entries) }
    this.#dateAt = names.includes('date') && names.includes('time') ? names.indexOf('date') : -1
    const { time, duration } = this.#places
    const isBeginning = TIMES_OF_BEGINNING.has(names[time] ?? '')
    this.#unitMs = duration < 0 || isBeginning ? 0 : durationUnitMs(names[duration] ?? '')
    this.times.hasDurations = duration >= 0 || isBeginning
    this.#wantedPlaces = this.#wanted.map((field) => find(columnNamesOf(field, this.#map)))
  }

  read(row: readonly string[]): LogEntry | undefined {
    const { time, ip, method, path, request, status, duration } = this.#places
    const text = row[time]
    if (text === undefined) return undefined
    const at = this.times.read(this.#dateAt < 0 ? text : `${row[this.#dateAt]}T${text}`)
    if (Number.isNaN(at)) return undefined
    const durationMs = this.#unitMs === 0 ? 0 : Number(row[duration]) * this.#unitMs
    const target = request < 0 ? undefined : this.#requests.read(row[request] ?? '')
    return new LogEntry(
      durationMs > 0 ? Math.round(at - durationMs) : at,
      row[ip] ?? '',
      target?.method ?? (row[method] ?? '').toUpperCase(),
      target?.path ?? pathOf(row[path] ?? ''),
      Number(row[status]) || 0,
      this.#wantedPlaces.length === 0 ? NO_VALUES : this.#wantedPlaces.map((place) => presentIn(row[place])),
    )
  }
}

function presentIn(text: string | undefined): string | undefined {
  return text === undefined || text === '' || text === '-' ? undefined : text
}

const NOWHERE: Readonly<Record<Column, number>> = {
  time: -1,
  ip: -1,
  method: -1,
  path: -1,
  request: -1,
  status: -1,
  duration: -1,
  user: -1,
  'user-agent': -1,
  bytes: -1,
  host: -1,
}
