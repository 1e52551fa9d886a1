import { ConfigError } from '@sluice/core'
import { checkOptions, nearestTo, shown } from '@sluice/core/runtime'
import { openApiDocument } from '../document/openapi-document.js'
import { placeOf } from '../document/operation-limits.js'
import { type Operation, operationsOf } from '../document/operations.js'
import { entry, type Tree } from '../document/tree.js'
import type { DescribedLimit } from '../limits/described-limit.js'
import type { LimitedRoute } from './limited-route.js'

/** The names of limits: of one, of several, or `false` for none. */
export type LimitNames = string | readonly string[] | false

export interface ConfiguredRoutesOptions {
  /**
   * Limits by operation, by path, and for all others.
   * @example { routes: { 'POST /login': 'login', '/search': ['search', 'api'], '*': 'api' } }
   */
  readonly routes?: Readonly<Record<string, LimitNames>> | undefined
}

/**
 * The limits of each operation of a document, where they come from a configuration. The first of these holds:
 *
 * 1. of the operation: its `x-sluice-limit`, its `METHOD /path` in `routes`, a limit that is called as its `operationId`;
 * 2. of its path: the path item's `x-sluice-limit`, its `/path` in `routes`;
 * 3. of all: the document's `x-sluice-limit`, `*` in `routes`.
 *
 * @example configuredRoutes(document, describeLimits(await loadConfig()), { routes: { 'POST /login': 'login' } })
 * @throws {ConfigError} on a name that no limit has, and on an operation in `routes` that the document does not have.
 */
export function configuredRoutes(
  document: object,
  limits: readonly DescribedLimit[],
  options: ConfiguredRoutesOptions = {},
): readonly LimitedRoute[] {
  const checked = openApiDocument('configuredRoutes()', document)
  checkOptions('configuredRoutes()', options, ['routes'])
  const operations = operationsOf(checked)
  const map = new Map(Object.entries(options.routes ?? {}))
  checkPlaces(map, operations)
  const byName = new Map(limits.map((limit) => [limit.name, limit]))
  return operations.map((operation) => {
    const { method, path } = operation
    const { names, place } = namesFor(operation, checked, map, byName)
    return { method, path, limits: toList(names, place).map((name) => named(name, byName, place)) }
  })
}

interface Hint {
  readonly place: string
  readonly names: unknown
}

function namesFor(
  operation: Operation,
  document: Tree,
  routes: ReadonlyMap<string, unknown>,
  limits: ReadonlyMap<string, unknown>,
): Hint {
  const place = placeOf(operation)
  const id = entry(operation.operation, 'operationId')
  const hints: readonly Hint[] = [
    { place, names: entry(operation.operation, HINT) },
    { place: `routes: ${place}`, names: routes.get(place) },
    { place, names: typeof id === 'string' && limits.has(id) ? id : undefined },
    { place: operation.path, names: entry(operation.pathItem, HINT) },
    { place: `routes: ${operation.path}`, names: routes.get(operation.path) },
    { place: 'the document', names: entry(document, HINT) },
    { place: 'routes: *', names: routes.get('*') },
  ]
  return hints.find(({ names }) => names !== undefined) ?? { place, names: false }
}

/** What people write into a document to name the limits of an operation, a path or all. */
const HINT = 'x-sluice-limit'

function toList(names: unknown, place: string): readonly string[] {
  if (names === false) return []
  const list: readonly unknown[] = Array.isArray(names) ? names : [names]
  return list.map((name) => {
    if (typeof name === 'string') return name
    throw new ConfigError(
      `${place}: expected the name of a limit, a list of them, or false for none, got ${shown(name)}.`,
    )
  })
}

function named(name: string, limits: ReadonlyMap<string, DescribedLimit>, place: string): DescribedLimit {
  const limit = limits.get(name)
  if (limit !== undefined) return limit
  const known = [...limits.keys()]
  const nearest = nearestTo(name, known)
  const hint =
    nearest !== undefined
      ? `Did you mean "${nearest}"?`
      : known.length === 0
        ? 'There are none.'
        : `There are: ${known.join(', ')}.`
  throw new ConfigError(`${place}: there is no limit ${shown(name)}. ${hint}`)
}

/** @throws {ConfigError} on a place that is none of the document's, which would be left out without a word. */
function checkPlaces(routes: ReadonlyMap<string, unknown>, operations: readonly Operation[]): void {
  const places = new Set(['*', ...operations.flatMap((operation) => [placeOf(operation), operation.path])])
  for (const place of routes.keys()) {
    if (places.has(place)) continue
    const nearest = nearestTo(place, [...places])
    const hint = nearest === undefined ? "Write it as in 'POST /login', '/login' or '*'." : `Did you mean '${nearest}'?`
    throw new ConfigError(`routes: the document has no operation ${shown(place)}. ${hint}`)
  }
}
