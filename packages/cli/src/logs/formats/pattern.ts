import { ConfigError } from '@sluice/core'
import { type FieldName, LogEntry, NO_VALUES } from '../entry.js'
import { type BlockReader, type LogFormat, lineReader } from '../format.js'
import { pathOf, RequestLines } from '../request-line.js'
import { anyTime, clfTime, isoTime, TimeReader, unixTime } from '../times.js'

/** A format of lines, as nginx's `log_format` writes it. */
export interface Pattern {
  /** `before[0] $names[0] before[1] $names[1] …`; the last text may be empty. */
  readonly literals: readonly string[]
  readonly names: readonly string[]
}

const VARIABLE = /\$(?:\{(\w+)\}|(\w+))/g

/** @throws {ConfigError} where it has no time, or two variables that nothing separates. */
export function parsePattern(text: string): Pattern {
  const literals: string[] = []
  const names: string[] = []
  let end = 0
  for (const match of text.matchAll(VARIABLE)) {
    literals.push(text.slice(end, match.index))
    names.push(match[1] ?? match[2] ?? '')
    end = match.index + match[0].length
  }
  literals.push(text.slice(end))
  if (names.length === 0) {
    throw new ConfigError(
      `--format: expected the name of a format or an nginx log_format such as '$remote_addr [$time_local] "$request" $status', ` +
        `got '${text}'.`,
    )
  }
  if (!names.some((name) => TIMES.has(name))) {
    throw new ConfigError(
      `--format: expected one of $${[...TIMES.keys()].join(', $')}, to know when requests were made.`,
    )
  }
  const touching = literals.findIndex((literal, i) => i > 0 && i < names.length && literal === '')
  if (touching > 0) {
    throw new ConfigError(`--format: nothing separates $${names[touching - 1]} from $${names[touching]}.`)
  }
  return { literals, names }
}

/** How the variables that hold a time are read. */
const TIMES: ReadonlyMap<string, (text: string) => number> = new Map([
  ['time_local', clfTime],
  ['time_iso8601', isoTime],
  ['msec', unixTime],
  ['time', anyTime],
])

/** How long a request took, or a part of it, and how many milliseconds its unit is. */
const DURATIONS: ReadonlyMap<string, number> = new Map([
  ['request_time', 1_000],
  ['request_time_ms', 1],
  ['request_time_us', 0.001],
  ['request_processing_time', 1_000],
  ['target_processing_time', 1_000],
  ['response_processing_time', 1_000],
])

/** A format of one line a request. */
export function patternFormat(name: string, text: string): LogFormat {
  const pattern = parsePattern(text)
  return { name, open: (wanted, isStrict = false) => readerOf(pattern, wanted, isStrict) }
}

function readerOf({ literals, names }: Pattern, wanted: readonly FieldName[], isStrict: boolean): BlockReader {
  const slots = new Array<string>(names.length).fill('')
  const timeAt = names.findIndex((name) => TIMES.has(name))
  const times = new TimeReader(TIMES.get(names[timeAt] ?? '') ?? anyTime)
  const find = (...some: readonly string[]) => names.findIndex((name) => some.includes(name))
  const ipAt = find('remote_addr', 'http_x_real_ip', 'realip_remote_addr', 'client_port')
  const requestAt = find('request')
  const methodAt = find('request_method')
  const urlAt = find('request_uri', 'uri', 'document_uri', 'url')
  const statusAt = find('status')
  const durations = names.flatMap((name, at) => {
    const unitMs = DURATIONS.get(name)
    return unitMs === undefined ? [] : [{ at, unitMs }]
  })
  times.hasDurations = durations.length > 0
  const hasPort = names[ipAt] === 'client_port'
  const places = wanted.map((field) => placeOf(field, names))
  const requests = new RequestLines()
  const used = [timeAt, ipAt, requestAt, methodAt, urlAt, statusAt, ...durations.map(({ at }) => at), ...places]
  const isUsed = names.map((_, at) => used.includes(at))
  // What stands behind the last of them need not be looked at.
  const end = isStrict ? names.length : Math.max(...used) + 1

  const entryOf = (): LogEntry | undefined => {
    const at = times.read(slots[timeAt] ?? '')
    if (Number.isNaN(at)) return undefined
    const statusText = statusAt < 0 ? '0' : (slots[statusAt] ?? '')
    const status = statusText === '-' ? 0 : Number(statusText)
    if (!(status >= 0 && status < 1000)) return undefined
    const address = ipAt < 0 ? '' : (slots[ipAt] ?? '')
    const ip = hasPort ? withoutPort(address) : address
    let durationMs = 0
    for (const duration of durations) {
      const units = Number(slots[duration.at])
      if (units > 0) durationMs += units * duration.unitMs
    }
    const start = durationMs > 0 ? Math.round(at - durationMs) : at
    const values = places.length === 0 ? NO_VALUES : places.map((place) => presentIn(slots[place]))
    if (requestAt >= 0) {
      const { method, path } = requests.read(slots[requestAt] ?? '')
      return new LogEntry(start, ip, method, path, status, values)
    }
    const url = urlAt < 0 ? '' : (slots[urlAt] ?? '')
    return new LogEntry(
      start,
      ip,
      (methodAt < 0 ? '' : (slots[methodAt] ?? '')).toUpperCase(),
      pathOf(url),
      status,
      values,
    )
  }

  return lineReader(times, (line) => {
    const entry = scan(line, literals, slots, isUsed, end) ? entryOf() : undefined
    if (entry !== undefined) return entry
    // A value that contains what should end it, such as a list of upstream addresses, shifts the rest.
    return scanBack(line, literals, slots) ? entryOf() : undefined
  })
}

/** Fills the slots that are used from left to right: each value ends where the text behind it begins. */
function scan(
  line: string,
  literals: readonly string[],
  slots: string[],
  isUsed: readonly boolean[],
  last: number,
): boolean {
  const first = literals[0] ?? ''
  if (first !== '' && !line.startsWith(first)) return false
  let from = first.length
  for (let i = 0; i < last; i++) {
    const behind = literals[i + 1] ?? ''
    const end = behind === '' ? line.length : endOf(line, behind, from)
    if (end < 0) return false
    if (isUsed[i] === true) slots[i] = line.slice(from, end)
    from = end + behind.length
  }
  return true
}

/** A quote that a backslash escapes ends nothing. */
function endOf(line: string, behind: string, from: number): number {
  let end = line.indexOf(behind, from)
  if (behind.charCodeAt(0) !== 34) return end
  while (end > from && line.charCodeAt(end - 1) === 92) end = line.indexOf(behind, end + 1)
  return end
}

/** The same from right to left: each value begins where the text before it ends. */
function scanBack(line: string, literals: readonly string[], slots: string[]): boolean {
  const last = literals[slots.length] ?? ''
  let end = last === '' ? line.length : line.lastIndexOf(last)
  for (let i = slots.length - 1; i >= 0; i--) {
    const before = literals[i] ?? ''
    const from = i === 0 ? 0 : line.lastIndexOf(before, end - before.length)
    if (end < 0 || from < 0 || from + before.length > end) return false
    slots[i] = line.slice(from + before.length, end)
    end = from
  }
  return line.startsWith(literals[0] ?? '')
}

/** Where the value of a wanted field stands. */
function placeOf({ kind, name }: FieldName, names: readonly string[]): number {
  if (kind === 'header') return names.indexOf(`http_${name.replaceAll('-', '_')}`)
  if (kind === 'known') return names.findIndex((own) => KNOWN[name]?.includes(own) === true)
  return kind === 'field' ? names.indexOf(name) : -1
}

const KNOWN: Readonly<Record<string, readonly string[]>> = {
  user: ['remote_user'],
  'user-agent': ['http_user_agent'],
  bytes: ['body_bytes_sent', 'bytes_sent'],
  host: ['host', 'http_host', 'server_name'],
}

/** nginx and Apache write `-` for what is not there. */
function presentIn(text: string | undefined): string | undefined {
  return text === undefined || text === '-' || text === '' ? undefined : text
}

/** `192.0.2.7:443`, `2001:db8::7:443` and `[2001:db8::7]:443`. */
function withoutPort(address: string): string {
  const colon = address.lastIndexOf(':')
  return (colon < 0 ? address : address.slice(0, colon)).replace(/^\[|\]$/g, '')
}
