import { ConfigError, shown } from '../errors.js'
import { checkOptions } from '../options.js'
import type { Field } from './headers.js'

/** What a denied client gets. */
export interface Reply {
  /** 200 to 599; defaults to 429. */
  readonly status?: number | undefined
  /** Beside the limit's own fields; a `content-type` here wins. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** An object is sent as JSON, a string as plain text; a status without content (204, 205, 304) has none. */
  readonly body?: string | object | undefined
}

/** A reply as it goes over the wire. */
export interface CompleteReply {
  readonly status: number
  readonly fields: readonly Field[]
  readonly body: string | undefined
}

/** Statuses whose responses have no content (RFC 9110 §15). */
const WITHOUT_CONTENT: readonly number[] = [204, 205, 304]

/**
 * A checked reply, with its media type.
 * @throws {ConfigError} on a reply that could not be sent, or not alike by every framework.
 */
export function completeReply(reply: Reply): CompleteReply {
  checkOptions('response: a reply', reply, ['status', 'headers', 'body'])
  const { status = 429, headers = {}, body } = reply
  if (!Number.isInteger(status) || status < 200 || status > 599) {
    throw new ConfigError(`response: expected a status from 200 to 599, got ${shown(status)}.`)
  }
  const fields = fieldsFrom(headers)
  if (body === undefined || body === null) return { status, fields, body: undefined }
  if (WITHOUT_CONTENT.includes(status)) {
    throw new ConfigError(`response: a response with status ${status} has no body, but one was returned.`)
  }
  const text = typeof body === 'string' ? body : jsonOf(body)
  const named = fields.some(([name]) => name.toLowerCase() === 'content-type')
  const type: Field = ['Content-Type', typeof body === 'string' ? 'text/plain; charset=utf-8' : 'application/json']
  return { status, fields: named ? fields : [type, ...fields], body: text }
}

function jsonOf(body: unknown): string {
  const text = typeof body === 'object' ? JSON.stringify(body) : undefined
  if (typeof text === 'string') return text
  throw new ConfigError(`response: expected a body that is a string or an object, got ${shown(body)}.`)
}

function fieldsFrom(headers: unknown): readonly Field[] {
  if (typeof headers !== 'object' || headers === null || Array.isArray(headers)) {
    throw new ConfigError(`response: expected headers as an object of strings, got ${shown(headers)}.`)
  }
  return Object.entries(headers).map(([name, value]) => {
    if (typeof value === 'string' && TOKEN.test(name) && FIELD_VALUE.test(value)) return [name, value]
    throw new ConfigError(`response: the header ${shown(name)} cannot be sent with the value ${shown(value)}.`)
  })
}

/** RFC 9110 §5.6.2 and §5.5. */
const TOKEN = /^[!#$%&'*+\-.^_`|~\dA-Za-z]+$/
const FIELD_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/
