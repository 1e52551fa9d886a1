import { ConfigError } from '@sluice/core'
import type { DescribeOptions } from '../limits/described-limit.js'
import { mountPaths } from './express-4-paths.js'
import type { LimitedRoute } from './limited-route.js'
import { isLimit, limitedBy, limitsAmong, type Station } from './passing-order.js'
import { pathTemplates } from './path-template.js'

/** What there is of a router of Express 4 and 5. */
interface Router {
  readonly stack: readonly Layer[]
}

interface Layer {
  readonly handle: unknown
  readonly route?: Route | undefined
  /** What it was declared with; of the package router 2.3 and newer. */
  readonly rawPath?: unknown
  /** Of Express 4. */
  readonly regexp?: RegExp & { readonly fast_slash?: boolean }
  readonly keys?: readonly { readonly name: string | number }[]
  /** Of Express 5: declared for all paths. */
  readonly slash?: boolean
  /** The part of a path that it matched last; not of router 2.3, which returns it. */
  readonly path?: string | undefined
  match(path: string): unknown
}

interface Route {
  readonly path: unknown
  readonly methods: Readonly<Record<string, boolean>>
  readonly stack: readonly { readonly handle: unknown; readonly method?: string | undefined }[]
}

/** Whether it is an app or a router of Express. */
export function isExpress(app: unknown): boolean {
  return routerOf(app) !== undefined
}

/** The routes of an app or a router of Express 4 or 5, with the limits in front of each. */
export function expressRoutes(app: unknown, options: DescribeOptions): readonly LimitedRoute[] {
  const router = routerOf(app)
  return router === undefined ? [] : limitedBy(stationsOf(router, options))
}

function routerOf(app: unknown): Router | undefined {
  if (typeof app !== 'function') return undefined
  if (isRouter(app)) return app
  // Of Express 4, where `app.router` is a getter that throws.
  if ('lazyrouter' in app) return '_router' in app && isRouter(app._router) ? app._router : { stack: [] }
  return 'router' in app && isRouter(app.router) ? app.router : undefined
}

function isRouter(value: unknown): value is Router {
  return typeof value === 'function' && 'stack' in value && Array.isArray(value.stack)
}

function stationsOf({ stack }: Router, options: DescribeOptions): readonly Station[] {
  return stack.flatMap((layer): readonly Station[] => {
    if (layer.route !== undefined) return endpointsOf(layer, layer.route, options)
    if (isRouter(layer.handle)) return mounted(layer, layer.handle, options)
    return [{ limits: limitsAmong([layer.handle], options), covers: (path) => matched(layer, path) !== undefined }]
  })
}

/** A route is one endpoint for each of its paths and methods. */
function endpointsOf(layer: Layer, route: Route, options: DescribeOptions): readonly Station[] {
  const paths = [route.path].flat().filter((path) => typeof path === 'string')
  return methodsOf(route).flatMap(({ method, declared }) => {
    const handlers = route.stack.flatMap((one) =>
      one.method === undefined || one.method === declared ? [one.handle] : [],
    )
    return paths.flatMap(pathTemplates).map((path) => ({
      method: method.toUpperCase(),
      path,
      limits: limitsAmong(handlers, options),
      isHandled: handlers.some((handler) => !isLimit(handler)),
      passesOn: method === '*' || handlers.every(isLimit),
      covers: (sample: string) => matched(layer, sample) !== undefined,
    }))
  })
}

/** A method as it is shown, and as the functions of a route are declared for it. */
interface Method {
  readonly method: string
  readonly declared: string | undefined
}

/** `app.all` makes a route of every method that Node knows, `app.route().all` one of `_all`. */
function methodsOf({ methods }: Route): readonly Method[] {
  const names = Object.keys(methods).filter((name) => name !== '_all')
  if (names.length > MOST_METHODS) return [{ method: '*', declared: names[0] }]
  const all = methods['_all'] === true ? [{ method: '*', declared: undefined }] : []
  return [...names.map((name) => ({ method: name, declared: name })), ...all]
}

/** More than anybody declares one by one. */
const MOST_METHODS = 20

/** Stations of a router, as the router sees them that has it mounted under a path. */
function mounted(layer: Layer, router: Router, options: DescribeOptions): readonly Station[] {
  const inner = stationsOf(router, options)
  const prefixes = prefixesOf(layer)
  const rest = (path: string): string | undefined => {
    const part = matched(layer, path)
    return part === undefined ? undefined : `/${path.slice(part.length).replace(/^\//, '')}`
  }
  return inner.flatMap((station): readonly Station[] => {
    const covers = (path: string): boolean => {
      const own = rest(path)
      return own !== undefined && station.covers(own)
    }
    if (!('path' in station)) return [{ ...station, covers }]
    return prefixes.map((prefix) => ({ ...station, path: joined(prefix, station.path), covers }))
  })
}

/** The part of a path that a layer matches; `undefined` where it does not match. */
function matched(layer: Layer, path: string): string | undefined {
  const match = layer.match(path)
  if (match === false) return undefined
  const found = typeof match === 'object' && match !== null && 'path' in match ? match.path : layer.path
  return typeof found === 'string' ? found : ''
}

function joined(prefix: string, path: string): string {
  if (prefix === '/') return path
  return path === '/' ? prefix : `${prefix}${path}`
}

/** Where a router is mounted. None for a regular expression, which no document can say. */
function prefixesOf(layer: Layer): readonly string[] {
  if (layer.slash === true || layer.regexp?.fast_slash === true) return ['/']
  if (layer.rawPath !== undefined)
    return [layer.rawPath]
      .flat()
      .filter((path) => typeof path === 'string')
      .flatMap(pathTemplates)
  if (layer.regexp !== undefined) return mountPaths(layer.regexp.source, layer.keys ?? [])
  throw new ConfigError(
    'limitedRoutes(): this version of Express does not say where routers are mounted. Update its package router to 2.3 ' +
      'or newer, as with npm update router.',
  )
}
