import { ConfigError, type Store } from '@sluice/core'
import { createLimit, type Passage, type ResponseLike } from '@sluice/core/http'
import { shown } from '@sluice/core/runtime'
import type { MockPolicies, Preset } from '../presets/preset.js'
import { type Incoming, incomingReader } from './incoming.js'
import { matches, type RoutePattern, routePattern } from './route-pattern.js'

/**
 * The limits of a mock: policies for all requests, or by route, of which the first that matches holds. Routes are written as
 * `'POST /login'`, `'/v1/*'` or `'/users/{id}'`.
 */
export type MockLimits = MockPolicies | Readonly<Record<string, MockPolicies>>

/** What decides about the requests of a route. */
export interface RouteLimit {
  readonly name: string
  admit(incoming: Incoming, response: ResponseLike): Passage | Promise<Passage>
}

interface LimitedRoute {
  readonly pattern: RoutePattern
  readonly limit: RouteLimit
}

/** The engine of a mock. */
export class Limits {
  readonly #routes: readonly LimitedRoute[]
  readonly #close: () => void | Promise<void>

  /** @throws {ConfigError} on policies that cannot be right. */
  constructor(given: MockLimits | undefined, preset: Preset, store: Store) {
    const key = ({ request }: Incoming): string => request.key
    const limit = createLimit(
      incomingReader,
      { store, key, headers: preset.dialects },
      (guard): Admitting => ({ admit: (incoming, response) => guard.admit(incoming, response) }),
      () => undefined,
    )
    const make = (name: string, policies: MockPolicies): RouteLimit => {
      const made = limit(preset.limited(policies), { name })
      return { name, admit: (incoming, response) => made.admit(incoming, response) }
    }
    this.#routes = routesOf(given).map(([pattern, policies]) => ({
      pattern,
      limit: make(pattern.text === '*' ? 'default' : pattern.text, policies),
    }))
    this.#close = () => limit.close()
  }

  /** The limit of a route; `undefined` where it has none. */
  of({ request: { method }, path }: Incoming): RouteLimit | undefined {
    return this.#routes.find(({ pattern }) => matches(pattern, method, path))?.limit
  }

  close(): void | Promise<void> {
    return this.#close()
  }
}

interface Admitting {
  admit(incoming: Incoming, response: ResponseLike): Passage | Promise<Passage>
}

function routesOf(given: MockLimits | undefined): readonly (readonly [RoutePattern, MockPolicies])[] {
  if (given === undefined) return []
  if (!isByRoute(given)) return [[routePattern('limits', '*'), given]]
  const routes = Object.entries(given)
  if (routes.length === 0) throw new ConfigError(`limits: expected ${EXAMPLE}, got an empty object.`)
  return routes.map(([route, policies]) => [routePattern('limits', route), policies])
}

const EXAMPLE = "policies such as '5/10s', or policies by route such as { 'POST /login': '5/15min', '/*': '100/min' }"

function isByRoute(given: MockLimits): given is Readonly<Record<string, MockPolicies>> {
  if (typeof given === 'string' || Array.isArray(given)) return false
  if (typeof given !== 'object' || given === null) {
    throw new ConfigError(`limits: expected ${EXAMPLE}, got ${shown(given)}.`)
  }
  return !('algorithm' in given || 'policy' in given)
}
