import { delayOf, instantOf } from './instant.js'
import type { RemoteLimit } from './remote-limit.js'
import { announcedWindow } from './structured-fields.js'

/** What a field says of its limit. */
type Part = 'limit' | 'remaining' | 'used' | 'reset' | 'resetAfter' | 'resetTime' | 'name'

/** The words that stand in field names for a part. */
const PARTS: ReadonlyMap<string, Part> = new Map<string, Part>([
  ['limit', 'limit'],
  ['remaining', 'remaining'],
  ['used', 'used'],
  ['observed', 'used'],
  ['reset', 'reset'],
  ['reset-after', 'resetAfter'],
  ['resettime', 'resetTime'],
  ['name', 'name'],
  ['resource', 'name'],
  ['bucket', 'name'],
])

/** `X-RateLimit-…`, `RateLimit-…`, `X-Rate-Limit-…`, `anthropic-ratelimit-…`. */
const RATE_LIMIT = /^((?:x-|[a-z]+-)?rate-?limit)(?:-(.+))?$/

const PERIODS_MS: ReadonlyMap<string, number> = new Map([
  ['second', 1_000],
  ['minute', 60_000],
  ['hour', 3_600_000],
  ['day', 86_400_000],
])

/** Fields that together report one limit. */
interface Group {
  readonly family: string
  /** `requests`, `input-tokens`, `minute`; empty where the fields have no such part. */
  readonly dimension: string
  readonly parts: Map<Part, string>
}

/**
 * The limits in fields from before structured fields: drafts 3 and 6, `X-RateLimit-*` and its variants, one field for each part.
 * A part that cannot be read is not known.
 */
export class OlderFields {
  readonly #groups = new Map<string, Group>()

  /** Notes a field, where it is one of these. Names are lower case. */
  note(name: string, value: string): void {
    if (name === 'x-shopify-shop-api-call-limit') {
      this.#noteShopify(value)
      return
    }
    const match = RATE_LIMIT.exec(name)
    if (match === null) return
    const [, family = '', rest = ''] = match
    if (rest === 'policy' || (rest === '' && family === 'ratelimit')) return
    const { part, dimension } = readName(rest)
    if (part !== undefined) this.#groupOf(family, dimension).parts.set(part, value)
  }

  /** @param isSaidAlready whether the newest fields have reported the limit that has no dimension. */
  limits(isSaidAlready: boolean, policyField: string | undefined, now: number, skewMs: number): readonly RemoteLimit[] {
    const limits: RemoteLimit[] = []
    let isSaid = isSaidAlready
    for (const { dimension, parts } of this.#groups.values()) {
      // Servers that send several generations of fields report one limit several times.
      if (dimension === '' && isSaid) continue
      const limit = limitOf(dimension, parts, policyField, now, skewMs)
      if (limit === undefined) continue
      limits.push(limit)
      if (dimension === '') isSaid = true
    }
    return limits
  }

  #groupOf(family: string, dimension: string): Group {
    const id = `${family} ${dimension}`
    let group = this.#groups.get(id)
    if (group === undefined) {
      group = { family, dimension, parts: new Map() }
      this.#groups.set(id, group)
    }
    return group
  }

  /** `32/40`: so many of so many are used. */
  #noteShopify(value: string): void {
    const [, used, limit] = /^\s*(\d+)\/(\d+)\s*$/.exec(value) ?? []
    if (used === undefined || limit === undefined) return
    const { parts } = this.#groupOf('shopify', 'shop-api-call')
    parts.set('limit', limit)
    parts.set('used', used)
  }
}

/** The part, and of what: it stands first (`limit-requests`) or last (`requests-limit`). */
function readName(rest: string): { readonly part: Part | undefined; readonly dimension: string } {
  // Zendesk's X-Rate-Limit.
  if (rest === '') return { part: 'limit', dimension: '' }
  const whole = PARTS.get(rest)
  if (whole !== undefined) return { part: whole, dimension: '' }
  const [first = '', ...behind] = rest.split('-')
  const part = PARTS.get(first)
  if (part !== undefined) return { part, dimension: behind.join('-') }
  const last = behind.at(-1) ?? ''
  return { part: PARTS.get(last), dimension: [first, ...behind.slice(0, -1)].join('-') }
}

function limitOf(
  dimension: string,
  parts: ReadonlyMap<Part, string>,
  policyField: string | undefined,
  now: number,
  skewMs: number,
): RemoteLimit | undefined {
  const limit = countOf(parts.get('limit'))
  const used = countOf(parts.get('used'))
  const remaining =
    countOf(parts.get('remaining')) ?? (limit !== null && used !== null ? Math.max(0, limit - used) : null)
  const resetAt = resetOf(parts, now, skewMs)
  if (limit === null && remaining === null && resetAt === null) return undefined
  return {
    name: dimension === '' ? (parts.get('name')?.trim() ?? 'default') : dimension,
    limit,
    remaining,
    resetAt,
    unit: dimension.endsWith('tokens') ? 'tokens' : 'requests',
    windowMs:
      PERIODS_MS.get(dimension) ?? quotaPolicyWindow(parts.get('limit'), limit) ?? announcedWindow(policyField, limit),
  }
}

/** A whole number; `-1`, which stands for unknown in some, is none. Draft 3 has its policies behind it: `100, 100;w=60`. */
function countOf(text: string | undefined): number | null {
  const [, count] = /^\s*(\d+)(?:\.\d*)?\s*(?:[,;]|$)/.exec(text ?? '') ?? []
  return count === undefined ? null : Number(count)
}

/** The window in draft 3's `RateLimit-Limit: 100, 100;w=60`. */
function quotaPolicyWindow(text: string | undefined, limit: number | null): number | null {
  for (const [, count, seconds] of (text ?? '').matchAll(/(\d+)\s*;\s*(?:\w+=[^;,]*;\s*)*w(?:indow)?=(\d+)/g)) {
    if (Number(count) === limit) return Number(seconds) * 1_000
  }
  return null
}

/** A delay is taken over an instant, since no clock but this one counts for it. */
function resetOf(parts: ReadonlyMap<Part, string>, now: number, skewMs: number): number | null {
  const [after, reset, time] = [parts.get('resetAfter'), parts.get('reset'), parts.get('resetTime')]
  if (after !== undefined) {
    const at = delayOf(after, 1_000, now)
    if (at !== null) return at
  }
  const at = reset === undefined ? null : instantOf(reset, now, skewMs)
  return at ?? (time === undefined ? null : instantOf(time, now, skewMs))
}
