import type { FieldName } from '../entry.js'

/** What is looked for in formats whose columns have names: the first of these that a file has. */
export type Column =
  | 'time'
  | 'ip'
  | 'method'
  | 'path'
  | 'request'
  | 'status'
  | 'duration'
  | 'user'
  | 'user-agent'
  | 'bytes'
  | 'host'

/** The names by which loggers of Node, nginx, Caddy, Traefik, Envoy, CloudFront and others know the columns. */
export const COLUMN_NAMES: Readonly<Record<Column, readonly string[]>> = {
  time: [
    // When requests began goes before when they were logged.
    ...['StartUTC', 'StartLocal', 'start_time', 'time', 'timestamp', '@timestamp', 'ts', 'date', 'datetime'],
    ...['time_iso8601', 'time_local', 'msec', 'isoTime'],
  ],
  ip: [
    ...['ip', 'remote_addr', 'client_ip', 'clientIp', 'clientip', 'remote_ip', 'remoteIp', 'remoteAddress', 'client'],
    ...[
      'ClientHost',
      'c-ip',
      'req.remoteAddress',
      'request.client_ip',
      'request.remote_ip',
      'source_ip',
      'downstream_remote_address',
    ],
  ],
  method: [
    ...[
      'method',
      'request_method',
      'http_method',
      'RequestMethod',
      'cs-method',
      'req.method',
      'request.method',
      'verb',
    ],
    'httpRequest.requestMethod',
  ],
  path: [
    ...['path', 'url', 'uri', 'request_uri', 'RequestPath', 'cs-uri-stem', 'req.url', 'request.uri', 'request.url'],
    ...['target', 'httpRequest.requestUrl'],
  ],
  request: ['request', 'request_line'],
  status: [
    ...[
      'status',
      'status_code',
      'statusCode',
      'DownstreamStatus',
      'sc-status',
      'res.statusCode',
      'response.status',
      'code',
    ],
    ...['response_code', 'httpRequest.status'],
  ],
  duration: [
    ...[
      'request_time',
      'duration',
      'Duration',
      'time-taken',
      'responseTime',
      'response_time',
      'duration_ms',
      'durationMs',
    ],
    ...['elapsed_ms', 'latency_ms'],
  ],
  user: ['user', 'remote_user', 'user_id', 'userId', 'ClientUsername'],
  'user-agent': [
    ...['user_agent', 'userAgent', 'http_user_agent', 'user-agent', 'cs(User-Agent)', 'request_User-Agent', 'agent'],
    ...['req.headers.user-agent', 'request.headers.User-Agent'],
  ],
  bytes: ['bytes', 'body_bytes_sent', 'bytes_sent', 'size', 'DownstreamContentSize', 'sc-bytes', 'contentLength'],
  host: ['host', 'http_host', 'server_name', 'RequestHost', 'request.host', 'x-host-header'],
}

/** How many milliseconds a column's unit is; other durations are seconds. */
const UNITS_MS: Readonly<Record<string, number>> = {
  Duration: 1e-6,
  responseTime: 1,
  response_time: 1,
  duration_ms: 1,
  durationMs: 1,
  elapsed_ms: 1,
  latency_ms: 1,
}

export function durationUnitMs(name: string): number {
  return UNITS_MS[name] ?? 1_000
}

/** The times of these columns are those of the request's beginning, so that no duration is subtracted. */
export const TIMES_OF_BEGINNING: ReadonlySet<string> = new Set(['StartUTC', 'StartLocal', 'start_time'])

/** `time=when,ip=client.address`, as `--map` has it: columns of this file by name. */
export type ColumnMap = Readonly<Partial<Record<Column | `header:${string}`, string>>>

/** The names a wanted field may have as a column. */
export function columnNamesOf({ kind, name }: FieldName, map: ColumnMap): readonly string[] {
  if (kind === 'header') {
    const low = name.replaceAll('-', '_')
    const mapped = map[`header:${name}`]
    if (mapped !== undefined) return [mapped]
    const title = name.replace(/(^|-)[a-z]/g, (part) => part.toUpperCase())
    return [
      `http_${low}`,
      `request_${title}`,
      `req.headers.${name}`,
      `request.headers.${title}`,
      `headers.${name}`,
      name,
      low,
    ]
  }
  if (kind === 'known') {
    const column = name as Column
    return [...(map[column] === undefined ? [] : [map[column]]), ...COLUMN_NAMES[column]]
  }
  return [name]
}
