import { ConfigError } from '@sluice/core'
import { type FieldName, KNOWN_FIELDS } from '../logs/entry.js'

const FIELD = /^(?<kind>header|field|json):(?<name>.+)$/

/** `header:x-api-key`, `field:upstream_addr`, `json:.user.id`, `user`: `undefined` for anything else. */
export function fieldIn(text: string): FieldName | undefined {
  const { kind, name } = FIELD.exec(text)?.groups ?? {}
  if (kind !== undefined && name !== undefined) {
    return { kind: kind as FieldName['kind'], name: kind === 'header' ? name.toLowerCase() : name }
  }
  return KNOWN_FIELDS.some((known) => known === text) ? { kind: 'known', name: text } : undefined
}

/** @throws {ConfigError} on what is no field. */
/** `option`: the beginning of the sentence, such as `--key: expected`. */
export function checkField(option: string, text: string): FieldName {
  const field = fieldIn(text)
  if (field !== undefined) return field
  throw new ConfigError(
    `${option} ${KNOWN_FIELDS.join(', ')}, header:<name>, field:<name> or json:<path>; got '${text}'.`,
  )
}
