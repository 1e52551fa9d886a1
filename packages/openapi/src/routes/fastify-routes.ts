import { ConfigError } from '@sluice/core'
import { enforcedBy } from '@sluice/core/observe'
import { builtin } from '@sluice/core/runtime'
import { type DescribedLimit, type DescribeOptions, describedLimit } from '../limits/described-limit.js'
import { distinct, type LimitedRoute } from './limited-route.js'
import { pathTemplates } from './path-template.js'

/** What is needed of an app of Fastify, or of a scope in it. */
export interface FastifyLike {
  addHook(...given: never[]): unknown
  readonly initialConfig: object
}

/** The hooks in which a limit can stand, in the order in which they run. */
const HOOKS = ['onRequest', 'preParsing', 'preValidation', 'preHandler'] as const

interface RouteOptions extends Readonly<Partial<Record<(typeof HOOKS)[number], unknown>>> {
  readonly method: string | readonly string[]
  readonly url: string
  readonly config?: { readonly limit?: unknown } | undefined
}

/** A route with the scope that declared it. Both are read when they are asked for: hooks may be added until the app is ready. */
interface RecordedRoute {
  readonly route: RouteOptions
  readonly scope: object
}

const recorded = new WeakMap<object, RecordedRoute[]>()

/**
 * Records the routes of an app of Fastify from now on, so that `limitedRoutes` can read them: Fastify itself does not show a
 * route's hooks. Without an app, it records those of every app that is made from now on.
 * @example
 * const app = Fastify()
 * recordRoutes(app)
 * @throws {ConfigError} where it is no app of Fastify.
 */
export function recordRoutes(app?: FastifyLike): void {
  if (app === undefined) recordAll()
  else if (isFastify(app)) record(app)
  else throw new ConfigError('recordRoutes() takes an app of Fastify, as in recordRoutes(app), or nothing.')
}

let recordsAll = false

function recordAll(): void {
  if (recordsAll) return
  recordsAll = true
  builtin('node:diagnostics_channel')?.subscribe('fastify.initialization', (message) => {
    const app = typeof message === 'object' && message !== null && 'fastify' in message ? message.fastify : undefined
    if (isFastify(app)) record(app)
  })
}

function record(app: FastifyLike): void {
  if (recorded.has(app)) return
  const routes: RecordedRoute[] = []
  recorded.set(app, routes)
  const onRoute = function (this: object, route: RouteOptions): void {
    routes.push({ route, scope: this })
  }
  // Fastify's own type of it depends on the server, the logger and the type provider of an app.
  Reflect.apply(app.addHook, app, ['onRoute', onRoute])
}

/** Whether it is an app of Fastify. */
export function isFastify(app: unknown): app is FastifyLike {
  return typeof app === 'object' && app !== null && 'addHook' in app && 'initialConfig' in app
}

/**
 * The recorded routes of an app of Fastify, with the limits in front of each.
 * @throws {ConfigError} where they were not recorded.
 */
export function fastifyRoutes(app: FastifyLike, options: DescribeOptions): readonly LimitedRoute[] {
  const routes = recorded.get(app)
  if (routes === undefined) {
    throw new ConfigError(
      'limitedRoutes(): the routes of this Fastify app were not recorded. Call recordRoutes(app) before the routes are ' +
        'declared, or recordRoutes() before the app is made.',
    )
  }
  return routes.flatMap(({ route, scope }) => {
    const limits = limitsOfRoute(route, scope, options)
    const methods = [route.method].flat()
    return pathTemplates(route.url).flatMap((path) => methods.map((method) => ({ method, path, limits })))
  })
}

function limitsOfRoute(route: RouteOptions, scope: object, options: DescribeOptions): readonly DescribedLimit[] {
  const hooks = HOOKS.flatMap((name) => [...hooksOfScope(scope, name), ...[route[name] ?? []].flat()])
  return distinct(
    hooks.flatMap((hook) => {
      const enforced = enforcedBy(hook, route.config)
      return (enforced && describedLimit(enforced, options)) ?? []
    }),
  )
}

/** The hooks that a scope adds to its routes. Fastify has no public name for them. */
function hooksOfScope(scope: object, name: string): readonly unknown[] {
  for (let owner: object | null = scope; owner !== null; owner = Object.getPrototypeOf(owner)) {
    const symbol = Object.getOwnPropertySymbols(owner).find(({ description }) => description === 'fastify.hooks')
    if (symbol === undefined) continue
    const hooks: unknown = Reflect.get(owner, symbol)
    const list: unknown = typeof hooks === 'object' && hooks !== null ? Reflect.get(hooks, name) : undefined
    if (Array.isArray(list)) return list
  }
  throw new ConfigError(
    'limitedRoutes(): this version of Fastify does not show the hooks of a scope. Fastify 4 and 5 are supported.',
  )
}
