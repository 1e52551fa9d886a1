import type { DescribeOptions } from '../limits/described-limit.js'
import type { LimitedRoute } from './limited-route.js'
import { isLimit, limitedBy, limitsAmong, type Station } from './passing-order.js'
import { pathTemplates } from './path-template.js'

interface KoaApp {
  readonly middleware: readonly unknown[]
}

/** What there is of a router of `@koa/router`. */
interface KoaRouter {
  readonly stack: readonly KoaLayer[]
}

interface KoaLayer {
  /** None where it was made by `router.use`. */
  readonly methods: readonly string[]
  readonly path: unknown
  readonly stack: readonly unknown[]
  match(path: string): boolean
}

/** Whether it is an app of Koa, or a router of `@koa/router`. */
export function isKoa(app: unknown): boolean {
  return isKoaApp(app) || isKoaRouter(app)
}

/** The routes of an app of Koa with `@koa/router`, or of a router, with the limits in front of each. */
export function koaRoutes(app: unknown, options: DescribeOptions): readonly LimitedRoute[] {
  if (isKoaRouter(app)) return limitedBy(stationsOf(app, options))
  return isKoaApp(app) ? limitedBy(app.middleware.flatMap((middleware) => stationsIn(middleware, options))) : []
}

function isKoaApp(app: unknown): app is KoaApp {
  return typeof app === 'object' && app !== null && 'middleware' in app && Array.isArray(app.middleware)
}

function isKoaRouter(value: unknown): value is KoaRouter {
  return (
    typeof value === 'object' && value !== null && 'routes' in value && 'stack' in value && Array.isArray(value.stack)
  )
}

function stationsIn(middleware: unknown, options: DescribeOptions): readonly Station[] {
  const router = typeof middleware === 'function' && 'router' in middleware ? middleware.router : undefined
  if (isKoaRouter(router)) return stationsOf(router, options)
  return [{ limits: limitsAmong([middleware], options), covers: () => true }]
}

function stationsOf({ stack }: KoaRouter, options: DescribeOptions): readonly Station[] {
  return stack.flatMap((layer): readonly Station[] => {
    const limits = limitsAmong(layer.stack, options)
    const covers = (path: string): boolean => layer.match(path)
    if (layer.methods.length === 0) return [{ limits, covers }]
    if (typeof layer.path !== 'string') return []
    const isHandled = layer.stack.some((handler) => !isLimit(handler))
    return pathTemplates(layer.path).flatMap((path) =>
      layer.methods.map((method) => ({ method, path, limits, isHandled, passesOn: !isHandled, covers })),
    )
  })
}
