/** One request, as a line of a log has it. */
export class LogEntry {
  /** When the request began, in Unix milliseconds; where the log has no duration, when it ended. */
  at: number
  /** The client's address; empty where the line has none. */
  readonly ip: string
  /** Upper case; empty where the client sent no valid request line. */
  readonly method: string
  /** The path without its query. */
  readonly path: string
  /** The status; 0 where the client left before the response. */
  readonly status: number
  /** The fields that were asked for, in their order. */
  readonly values: readonly (string | undefined)[]

  constructor(
    at: number,
    ip: string,
    method: string,
    path: string,
    status: number,
    values: readonly (string | undefined)[],
  ) {
    this.at = at
    this.ip = ip
    this.method = method
    this.path = path
    this.status = status
    this.values = values
  }
}

export const NO_VALUES: readonly (string | undefined)[] = []

/** What a field is asked for by: `header:x-api-key`, `field:upstream_addr`, `json:.user.id`, or one of the known names. */
export interface FieldName {
  readonly kind: 'header' | 'field' | 'json' | 'known'
  readonly name: string
}

/** Fields that formats know under names of their own. */
export const KNOWN_FIELDS = ['user', 'user-agent', 'bytes', 'host'] as const

export type KnownField = (typeof KNOWN_FIELDS)[number]

/** The fields that limits, keys and costs need beyond those of every entry; each has its place in `LogEntry.values`. */
export class WantedFields {
  readonly fields: FieldName[] = []
  readonly #places = new Map<string, number>()

  /** The place of a field in the values of an entry. */
  place(field: FieldName): number {
    const id = `${field.kind}:${field.name}`
    const known = this.#places.get(id)
    if (known !== undefined) return known
    this.#places.set(id, this.fields.length)
    return this.fields.push(field) - 1
  }
}
