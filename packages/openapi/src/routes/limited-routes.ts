import { ConfigError } from '@sluice/core'
import { shown } from '@sluice/core/runtime'
import { checkDescribeOptions, type DescribeOptions } from '../limits/described-limit.js'
import { expressRoutes, isExpress } from './express-routes.js'
import { fastifyRoutes, isFastify } from './fastify-routes.js'
import { isKoa, koaRoutes } from './koa-routes.js'
import type { LimitedRoute } from './limited-route.js'

/**
 * The routes of a running app, and the limits in front of each: of an app or router of Express 4 or 5, of Koa with `@koa/router`,
 * or of Fastify 4 or 5 whose routes are recorded by `recordRoutes`.
 * @example documentLimits(document, limitedRoutes(app))
 * @throws {ConfigError} on anything else.
 */
export function limitedRoutes(app: unknown, options: DescribeOptions = {}): readonly LimitedRoute[] {
  checkDescribeOptions('limitedRoutes()', options)
  if (isFastify(app)) return withoutTwins(fastifyRoutes(app, options))
  if (isExpress(app)) return withoutTwins(expressRoutes(app, options))
  if (isKoa(app)) return withoutTwins(koaRoutes(app, options))
  throw new ConfigError(
    'limitedRoutes(): expected an app of Express, Koa or Fastify, or a router of Express or @koa/router, got ' +
      `${shown(app)}.`,
  )
}

/** Frameworks answer HEAD wherever they answer GET; Koa and Fastify make a route of it. */
function withoutTwins(routes: readonly LimitedRoute[]): readonly LimitedRoute[] {
  const gets = new Set(routes.flatMap(({ method, path }) => (method === 'GET' ? [path] : [])))
  return routes.filter(({ method, path }) => method !== 'HEAD' || !gets.has(path))
}
