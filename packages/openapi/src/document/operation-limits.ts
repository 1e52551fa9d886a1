import { ConfigError } from '@sluice/core'
import { shown } from '@sluice/core/runtime'
import type { DescribedLimit } from '../limits/described-limit.js'
import type { LimitedRoute } from '../routes/limited-route.js'
import { coverage, pathShape } from '../routes/path-template.js'
import { type Operation, operationsOf, servedPaths } from './operations.js'
import { entry, isTree, subtree, type Tree } from './tree.js'

/** The limits of each operation of a document, by `METHOD path`. */
export type OperationLimits = ReadonlyMap<string, readonly DescribedLimit[]>

/**
 * Finds the route of each operation: the one of the same path, whatever its parameters are called, or else the first that covers
 * the path.
 */
export function operationLimits(document: Tree, routes: readonly LimitedRoute[]): OperationLimits {
  const known = routes.map(
    (route): KnownRoute => ({ route, shape: pathShape(route.path), pattern: coverage(route.path) }),
  )
  checkPathItems(document, known)
  return new Map(
    operationsOf(document).flatMap((operation) => {
      const limits = routeFor(operation.method, servedPaths(document, operation).map(pathShape), known)?.limits ?? []
      return limits.length === 0 ? [] : [[placeOf(operation), limits]]
    }),
  )
}

/** @throws {ConfigError} where a limited route is described by a path item that stands elsewhere: its operations are not looked for there. */
function checkPathItems(document: Tree, routes: readonly KnownRoute[]): void {
  for (const [path, pathItem] of Object.entries(subtree(document, 'paths'))) {
    const ref = isTree(pathItem) ? entry(pathItem, '$ref') : undefined
    if (typeof ref !== 'string') continue
    const shape = pathShape(path)
    if (!routes.some(({ route, shape: own }) => own === shape && route.limits.length > 0)) continue
    throw new ConfigError(
      `${path}: its path item is a $ref to ${ref}, which is not followed. Write its operations under paths.`,
    )
  }
}

/** A route, and what the paths are like that it has and covers. */
interface KnownRoute {
  readonly route: LimitedRoute
  readonly shape: string
  readonly pattern: RegExp
}

/** `POST /login`: an operation's name in messages, and in maps. */
export function placeOf({ method, path }: Pick<Operation, 'method' | 'path'>): string {
  return `${method} ${path}`
}

function routeFor(method: string, shapes: readonly string[], routes: readonly KnownRoute[]): LimitedRoute | undefined {
  const ofMethod = routes.filter(({ route }) => answers(route.method, method))
  const found =
    ofMethod.find(({ shape }) => shapes.includes(shape)) ??
    ofMethod.find(({ pattern }) => shapes.some((shape) => pattern.test(shape)))
  return found?.route
}

/** Every framework answers HEAD by GET. */
function answers(routeMethod: string, method: string): boolean {
  return routeMethod === '*' || routeMethod === method || (method === 'HEAD' && routeMethod === 'GET')
}

/** @throws {ConfigError} unless it is what `limitedRoutes` or `configuredRoutes` returns. */
export function checkRoutes(place: string, routes: readonly LimitedRoute[]): void {
  const isRoutes =
    Array.isArray(routes) &&
    routes.every(
      (route) => typeof route?.method === 'string' && typeof route.path === 'string' && Array.isArray(route.limits),
    )
  if (isRoutes) return
  throw new ConfigError(
    `${place}: expected routes, as limitedRoutes(app) or configuredRoutes(document, limits) returns them, got ${shown(routes)}.`,
  )
}
