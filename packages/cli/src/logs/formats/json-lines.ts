import { type FieldName, LogEntry, NO_VALUES } from '../entry.js'
import { type BlockReader, type LogFormat, lineReader } from '../format.js'
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

type Path = readonly string[]

/**
 * JSON objects, one a line: those of nginx, Caddy, Traefik, pino-http and others, whose names for things are known, or of
 * anybody, by `map`.
 */
export function jsonFormat(name: string, map: ColumnMap = {}): LogFormat {
  return { name, open: (wanted) => readerOf(wanted, map) }
}

function readerOf(wanted: readonly FieldName[], map: ColumnMap): BlockReader {
  const times = new TimeReader(anyTime)
  const requests = new RequestLines()
  const columns = new Columns(map)
  const candidates = wanted.map((field) =>
    field.kind === 'json' ? [pathIn(field.name)] : columnNamesOf(field, map).flatMap(pathsOf),
  )
  return lineReader(times, (line) => {
    const object = parsed(line)
    if (object === undefined) return undefined
    const timed = columns.find('time', object)
    const at = times.read(textOf(timed?.value) ?? '')
    if (timed === undefined || Number.isNaN(at)) return undefined
    const duration = TIMES_OF_BEGINNING.has(timed.name) ? undefined : columns.find('duration', object)
    const durationMs = duration === undefined ? 0 : Number(duration.value) * durationUnitMs(duration.name)
    if (duration !== undefined || TIMES_OF_BEGINNING.has(timed.name)) times.hasDurations = true
    const request = columns.find('request', object)?.value
    const isLine = typeof request === 'string'
    const target = isLine ? requests.read(request) : undefined
    const method = target?.method ?? textOf(columns.find('method', object)?.value)?.toUpperCase() ?? ''
    const path = target?.path ?? pathOf(textOf(columns.find('path', object)?.value) ?? '')
    const status = Number(columns.find('status', object)?.value ?? 0)
    const values = candidates.length === 0 ? NO_VALUES : candidates.map((paths) => firstOf(object, paths))
    const ip = textOf(columns.find('ip', object)?.value) ?? ''
    return new LogEntry(durationMs > 0 ? Math.round(at - durationMs) : at, ip, method, path, status || 0, values)
  })
}

interface Found {
  readonly name: string
  readonly value: unknown
}

/** Where the columns are, learned from the lines: the name that was there last is tried first. */
class Columns {
  readonly #candidates: ReadonlyMap<Column, { readonly name: string; readonly path: Path }[]>

  constructor(map: ColumnMap) {
    const columns = Object.keys(COLUMN_NAMES) as Column[]
    this.#candidates = new Map(
      columns.map((column) => {
        const named = map[column]
        const names = named === undefined ? COLUMN_NAMES[column] : [named]
        return [column, names.flatMap((name) => pathsOf(name).map((path) => ({ name, path })))]
      }),
    )
  }

  find(column: Column, object: unknown): Found | undefined {
    const candidates = this.#candidates.get(column) ?? []
    for (let i = 0; i < candidates.length; i++) {
      const candidate = candidates[i]
      if (candidate === undefined) continue
      const value = valueAt(object, candidate.path)
      // An object under a name that may also be a plain column, such as Caddy's `request`, is not the column.
      if (value === undefined || value === null || typeof value === 'object' || value === '') continue
      if (i > 0) candidates.unshift(...candidates.splice(i, 1))
      return { name: candidate.name, value }
    }
    return undefined
  }
}

/** A name with dots is a key of its own, or a path. */
function pathsOf(name: string): readonly Path[] {
  return name.includes('.') ? [[name], name.split('.')] : [[name]]
}

/** `.user.id` or `user.id`. */
function pathIn(text: string): Path {
  return text.replace(/^\./, '').split('.')
}

function firstOf(object: unknown, paths: readonly Path[]): string | undefined {
  for (const path of paths) {
    const text = textOf(valueAt(object, path))
    if (text !== undefined && text !== '' && text !== '-') return text
  }
  return undefined
}

function valueAt(object: unknown, path: Path): unknown {
  let value = object
  for (const name of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined
    value = Reflect.get(value, name)
  }
  return value
}

/** Caddy has lists of a header's values. */
function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  return Array.isArray(value) && value.length > 0 ? textOf(value[0]) : undefined
}

function parsed(line: string): object | undefined {
  if (line.charCodeAt(0) !== 123) return undefined
  try {
    const value: unknown = JSON.parse(line)
    return typeof value === 'object' && value !== null ? value : undefined
  } catch {
    return undefined
  }
}
