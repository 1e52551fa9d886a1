import { ConfigError } from '@sluice/core'
import { nearestTo } from '@sluice/core/runtime'
import { forEachLine, type LogFormat } from './format.js'
import { cloudfront } from './formats/cloudfront.js'
import { csvFormat } from './formats/csv.js'
import { jsonFormat } from './formats/json-lines.js'
import type { ColumnMap } from './formats/named-columns.js'
import { patternFormat } from './formats/pattern.js'
import { awsAlb, combined, common, traefik, vcombined } from './formats/presets.js'

/** All are read the same way; the name is what the report says. */
const JSON_NAMES: readonly string[] = ['caddy', 'traefik-json', 'nginx-json', 'jsonl']

/** The formats by name, the more specific first: a line of a longer format can be read by a shorter one. */
function formatsBy(map: ColumnMap): readonly LogFormat[] {
  const json = JSON_NAMES.map((name) => jsonFormat(name, map))
  return [...json, cloudfront, awsAlb, traefik, vcombined, combined, common, csvFormat(map)]
}

/** The names that `--format` takes, beside nginx's `log_format`. */
export const FORMAT_NAMES: readonly string[] = formatsBy({}).map(({ name }) => name)

/** @throws {ConfigError} on a name that is none, and on a `log_format` that cannot be read by. */
export function formatNamed(text: string, map: ColumnMap): LogFormat {
  const found = formatsBy(map).find(({ name }) => name === text)
  if (found !== undefined) return found
  if (text.includes('$')) return patternFormat('log_format', text)
  const nearest = nearestTo(text, FORMAT_NAMES)
  const hint = nearest === undefined ? `The formats are: ${FORMAT_NAMES.join(', ')}.` : `Did you mean '${nearest}'?`
  throw new ConfigError(
    `--format: no format '${text}'. ${hint} A log_format of nginx has variables such as $remote_addr.`,
  )
}

/** Lines that detection looks at. */
const LOOKED_AT = 50

/**
 * The format that reads the most of a file's first lines, `undefined` where none reads half of them.
 * @throws {ConfigError} where only a wrong `--map` is in the way.
 */
export function detectFormat(text: string, map: ColumnMap): LogFormat | undefined {
  const head = headOf(text)
  let best: { readonly format: LogFormat; readonly read: number } | undefined
  let fault: ConfigError | undefined
  for (const format of candidatesFor(head, map)) {
    try {
      const { read, unreadable } = triedOn(head, format)
      if (read > unreadable && read > (best?.read ?? 0)) best = { format, read }
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error
      fault = error
    }
  }
  if (best === undefined && fault !== undefined) throw fault
  return best?.format
}

function candidatesFor(head: string, map: ColumnMap): readonly LogFormat[] {
  const formats = formatsBy(map)
  const only = (name: string) => formats.filter((format) => format.name === name)
  if (!head.startsWith('{')) {
    if (head.startsWith('#')) return only('cloudfront')
    return formats.filter(({ name }) => name !== 'cloudfront' && !JSON_NAMES.includes(name))
  }
  if (/"request":\s*\{/.test(head) && /"ts":/.test(head)) return only('caddy')
  if (head.includes('"RequestMethod"')) return only('traefik-json')
  return only(/"(?:remote_addr|request_uri|body_bytes_sent)"/.test(head) ? 'nginx-json' : 'jsonl')
}

function triedOn(head: string, format: LogFormat): { readonly read: number; readonly unreadable: number } {
  let read = 0
  let unreadable = 0
  const sink = {
    entry: () => void read++,
    unreadable: () => void unreadable++,
  }
  format.open([], true).read(head, true, sink)
  return { read, unreadable }
}

function headOf(text: string): string {
  const lines: string[] = []
  forEachLine(text.slice(0, 200_000), (line) => {
    if (lines.length < LOOKED_AT) lines.push(line)
  })
  return `${lines.join('\n').replace(/^\uFEFF/, '')}\n`
}
