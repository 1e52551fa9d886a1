import { limitedDocument } from '../document/document-limits.js'
import { openApiDocument } from '../document/openapi-document.js'
import { checkRoutes } from '../document/operation-limits.js'
import type { LimitedRoute } from '../routes/limited-route.js'
import { type Change, changes, type Place } from './changes.js'
import { readText } from './document-text.js'

/** Something in a document that does not say what the limits say. */
export interface Drift {
  /** An operation, such as `POST /login`, or a component, such as `components.headers.RateLimit`. */
  readonly where: string
  /** What there differs, such as `x-ratelimit` or `responses.429`; empty for a whole component. */
  readonly what: string
  /** `missing`: the limits say it, the document does not. `left over`: no limit says it any more. */
  readonly state: 'missing' | 'out of date' | 'left over'
}

/**
 * Compares a document, or its text, with the limits of its operations. Returns nothing where the document is up to date.
 * @example if (checkDocument(text, limitedRoutes(app)).length > 0) process.exitCode = 1
 * @throws {ConfigError} on what is no document of OpenAPI 3.0, 3.1 or 3.2.
 */
export function checkDocument(document: object | string, routes: readonly LimitedRoute[]): readonly Drift[] {
  const place = 'checkDocument()'
  const before = typeof document === 'string' ? readText(place, document).document : openApiDocument(place, document)
  checkRoutes(place, routes)
  const drifts = changes(before, limitedDocument(before, routes)).map(driftOf)
  return [...new Map(drifts.map((drift) => [`${drift.where} ${drift.what}`, drift])).values()]
}

const STATES = { added: 'missing', replaced: 'out of date', removed: 'left over' } as const

function driftOf({ kind, place }: Change): Drift {
  const [first = '', second = '', third = '', ...rest] = place
  if (first === 'paths' && rest.length > 0) {
    const depth = rest[0] === 'responses' ? 2 : 1
    return {
      where: `${third.toUpperCase()} ${second}`,
      what: rest.slice(0, depth).join('.'),
      state: stateOf(kind, rest, depth),
    }
  }
  const whole = [first, second, third].filter((name) => name !== '')
  return { where: whole.join('.'), what: '', state: stateOf(kind, place, 3) }
}

/** What is added to something, or removed from it, makes that out of date. */
function stateOf(kind: Change['kind'], place: Place, depth: number): Drift['state'] {
  return place.length > depth ? 'out of date' : STATES[kind]
}
