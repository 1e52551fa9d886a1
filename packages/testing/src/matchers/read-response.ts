import { parseRateLimit, type RateLimitReport } from '@sluice/client'
import { ConfigError } from '@sluice/core'
import { shown } from '@sluice/core/runtime'

/**
 * A response of whatever sends requests here: `fetch`, supertest, Fastify's `inject`, axios, got, undici, Node's `IncomingMessage`,
 * or an error that has the status and the headers of one.
 */
export interface ResponseLike {
  readonly status?: number | undefined
  readonly statusCode?: number | undefined
  readonly headers?: unknown
}

/** What a response says about limits. */
export interface ReadResponse {
  readonly status: number
  readonly report: RateLimitReport
  /** Seconds of `Retry-After`; `undefined` where there is none. */
  readonly retryAfter: number | undefined
  /** Fields that are about limits, as they were received. */
  readonly fields: readonly (readonly [name: string, value: string])[]
  /** Policies that the body says were violated; `undefined` where it does not say so, or has not been read. */
  readonly violated: readonly string[] | undefined
}

/** @throws {ConfigError} on what is no response. */
export function readResponse(given: unknown): ReadResponse {
  // supertest's has `status` as well as `statusCode`; Fastify's and got's only the latter.
  const response = isObject(given) ? given : {}
  const status = numberAt(response, 'status') ?? numberAt(response, 'statusCode')
  const headers = at(response, 'headers')
  if (status === undefined || !isObject(headers)) {
    throw new ConfigError(
      `expected a response with a status and headers, as of fetch, supertest or Fastify's inject, got ${shown(given)}. Was it awaited?`,
    )
  }
  const pairs = pairsOf(headers)
  const fields = pairs.filter(([name]) => /limit|retry-after|^sluice-/.test(name))
  const report = parseRateLimit(pairs)
  const retryAfter = report.retryAt === null ? undefined : Math.max(0, (report.retryAt - Date.now()) / 1000)
  return { status, report, retryAfter: exactSeconds(pairs) ?? retryAfter, fields, violated: violatedIn(response) }
}

/** Whether the response denies its request for want of quota. */
export function isDenial({ status, report }: ReadResponse): boolean {
  if (status === 429) return true
  // GitHub answers with 403, and a server that is out of capacity with 503.
  return (status === 403 || status === 503) && report.limits.some(({ remaining }) => remaining === 0)
}

/** What was received, for a message: each field on a line. */
export function received({ status, fields }: ReadResponse): string {
  const lines = fields.map(([name, value]) => `  ${name}: ${value.length > 200 ? `${value.slice(0, 199)}…` : value}`)
  return `Received status ${status}${lines.length === 0 ? ' without a field about limits.' : ` with\n${lines.join('\n')}`}`
}

/** `Headers` and its relatives, or an object of strings and lists of them. */
function pairsOf(headers: object): (readonly [string, string])[] {
  const pairs: (readonly [string, string])[] = []
  const note = (name: unknown, value: unknown): void => {
    if (value === undefined || value === null || typeof value === 'function') return
    pairs.push([String(name).toLowerCase(), Array.isArray(value) ? value.join(', ') : String(value)])
  }
  if ('forEach' in headers && typeof headers.forEach === 'function' && !Array.isArray(headers)) {
    headers.forEach((value: unknown, name: unknown) => {
      note(name, value)
    })
  } else for (const [name, value] of Object.entries(headers)) note(name, value)
  return pairs
}

/** The number as it was sent: a date is compared with this clock. */
function exactSeconds(pairs: readonly (readonly [string, string])[]): number | undefined {
  const value = pairs.find(([name]) => name === 'retry-after')?.[1]
  return value !== undefined && /^\d+(?:\.\d+)?$/.test(value) ? Number(value) : undefined
}

/** Of the body as supertest and axios have parsed it, or as the text of Fastify's inject and of got. */
function violatedIn(response: object): readonly string[] | undefined {
  for (const name of ['body', 'data', 'payload']) {
    const body = at(response, name)
    const value = typeof body === 'string' ? parsed(body) : body
    const policies = isObject(value) ? at(value, 'violated-policies') : undefined
    if (Array.isArray(policies)) return policies.map(String)
  }
  return undefined
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

function at(value: object, name: string): unknown {
  return Reflect.get(value, name)
}

function numberAt(value: object, name: string): number | undefined {
  const found = at(value, name)
  return typeof found === 'number' ? found : undefined
}
