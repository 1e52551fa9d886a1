import { ConfigError } from '@sluice/core'
import { isMeasured, type Limit, routeName } from '@sluice/core/http'
import { enforcedBy, enforces } from '@sluice/core/observe'
import { warn } from '@sluice/core/runtime'
import type { FastifyInstance, FastifyPluginCallback, FastifyRequest, onRequestHookHandler } from 'fastify'
import type { LimitHook, RouteLimit, RoutePolicies } from './route-limit.js'

/** `limit.plugin`: limits the scope that registers it, and each route by its `config.limit`. */
export function pluginOf(limit: Limit<FastifyRequest, LimitHook>): FastifyPluginCallback<Partial<RouteLimit>> {
  const plugin: FastifyPluginCallback<Partial<RouteLimit>> = (app, options, done) => {
    try {
      const own = withoutRegister(options)
      if (Object.keys(own).length > 0) app.addHook('onRequest', unlessExempt(hookOf(limit, own, 'limit.plugin')))
      limitRoutes(app, limit)
      done()
    } catch (error) {
      done(error as Error)
    }
  }
  // The scope that registers the plugin is the one that it limits, with the scopes inside it.
  return Object.assign(plugin, { [Symbol.for('skip-override')]: true, [Symbol.for('fastify.display-name')]: 'sluice' })
}

function unlessExempt(hook: LimitHook): LimitHook {
  const limited: onRequestHookHandler = (request, reply, done) =>
    request.routeOptions.config?.limit === false ? done() : hook(request, reply, done)
  return enforces(limited as LimitHook, (config) => (config?.limit === false ? undefined : enforcedBy(hook, config)))
}

/** Marks the config of a route whose limit is among its hooks: others that look at it leave it alone. */
const LIMITED: unique symbol = Symbol.for('sluice.limited')

/**
 * A route's `config.limit` runs before its other hooks; the HEAD twin that Fastify makes of a GET shares its limit.
 * A route that was declared before this plugin had loaded is met at its first request. Limits without a name are called by
 * their route, since that order differs from process to process.
 */
function limitRoutes(app: FastifyInstance, limit: Limit<FastifyRequest, LimitHook>): void {
  const gets = new Map<string, { readonly own: unknown; readonly hook: LimitHook }>()
  app.addHook('onRoute', (route) => {
    const config: RouteConfig | undefined = route.config
    if (config?.limit === undefined || config.limit === false || config[LIMITED] !== undefined) return
    const twin = route.method === 'HEAD' ? gets.get(route.url) : undefined
    const place = placeOf(route.method, route.url, route.constraints)
    const hook = twin?.own === config.limit ? twin.hook : routeHook(limit, config.limit, place)
    if ([route.method].flat().includes('GET')) gets.set(route.url, { own: config.limit, hook })
    route.config = Object.assign({}, route.config, { [LIMITED]: true })
    route.onRequest = [hook, ...[route.onRequest ?? []].flat()]
  })
  app.addHook('onRequest', (request, reply, done) => {
    const config: RouteConfig | undefined = request.routeOptions.config
    if (config?.limit === undefined || config.limit === false || config[LIMITED] === true) return done()
    try {
      config[LIMITED] ??= lateHook(limit, config.limit, request)
    } catch (error) {
      config[LIMITED] = (_request, _reply, fail) => fail(error as Error)
    }
    config[LIMITED](request, reply, done)
  })
}

function routeHook(limit: Limit<FastifyRequest, LimitHook>, own: RoutePolicies | RouteLimit, place: string): LimitHook {
  const options = toRouteLimit(own, place)
  if (options.name !== undefined) return hookOf(limit, options, place)
  // Another app of this process, as each test makes one, may have another limit on a route of that name.
  for (let turn = 1; ; turn++) {
    try {
      return hookOf(limit, { ...options, name: routeName(turn === 1 ? place : `${place} #${turn}`) }, place)
    } catch (error) {
      if (turn === MOST_OF_A_ROUTE || !(error instanceof ConfigError) || !error.message.includes(': name: "'))
        throw error
    }
  }
}

/** Under the same name in every process, whichever route is asked for first. */
function lateHook(limit: Limit<FastifyRequest, LimitHook>, own: RoutePolicies | RouteLimit, request: FastifyRequest) {
  const { method, url, version } = request.routeOptions
  const place = placeOf(method === 'HEAD' ? 'GET' : method, url ?? '', version === undefined ? {} : { version })
  warn(
    'SLUICE_LATE_PLUGIN',
    `The route ${place} was declared before limit.plugin had loaded, so its limit is checked only now, at its first ` +
      'request. Write await app.register(limit.plugin) before the routes.',
  )
  return routeHook(limit, own, place)
}

const MOST_OF_A_ROUTE = 100

/** `GET /search`, with what else must hold for the route: `GET /search (version 2.0.0)`. */
function placeOf(method: string | readonly string[], url: string, constraints: object | undefined): string {
  const route = `${[method].flat().join(', ')} ${url}`
  const held = Object.entries(constraints ?? {}).map(([name, value]) => `${name} ${String(value)}`)
  return held.length === 0 ? route : `${route} (${held.join(', ')})`
}

interface RouteConfig {
  readonly limit?: RoutePolicies | RouteLimit | false | undefined
  [LIMITED]?: true | LimitHook
}

/** @throws {ConfigError} where there are no policies, which would limit nothing. */
function hookOf(limit: Limit<FastifyRequest, LimitHook>, own: Partial<RouteLimit>, place: string): LimitHook {
  const { policies, ...options } = own
  if (isMeasured(policies)) throw readsBodies(place)
  if (policies !== undefined) return at(place, () => limit(policies, options))
  throw new ConfigError(
    `${place}: a limit needs policies, as in { policies: '100/min' }; got ${Object.keys(own).join(', ')}.`,
  )
}

/** Errors of a route's limit say which route it is. */
function at<T>(place: string, what: () => T): T {
  try {
    return what()
  } catch (error) {
    if (error instanceof ConfigError) throw new ConfigError(`${place}: ${error.message}`)
    throw error
  }
}

/** A route's `config.limit` runs before its body is there. */
function readsBodies(place: string): ConfigError {
  return new ConfigError(`${place}: llm() reads bodies. Write { preHandler: limit(llm({ … })) }.`)
}

function toRouteLimit(own: RoutePolicies | RouteLimit, place: string): RouteLimit {
  if (isMeasured(own)) throw readsBodies(place)
  if (typeof own === 'string' || Array.isArray(own)) return { policies: own as RoutePolicies }
  if (typeof own !== 'object' || own === null) {
    throw new ConfigError(`${place}: config.limit takes policies, or an object with policies and options.`)
  }
  if ('policies' in own) return own
  if ('policy' in own || 'algorithm' in own) return { policies: own }
  throw new ConfigError(
    `${place}: config.limit has no policies. Write limit: '100/min' or limit: { policies: '100/min' }.`,
  )
}

/** Takes off what `register` itself reads of a plugin's options. */
function withoutRegister(options: Partial<RouteLimit> & RegisterOptions): Partial<RouteLimit> {
  const { prefix: _prefix, logLevel: _logLevel, logSerializers: _logSerializers, ...own } = options
  return own
}

interface RegisterOptions {
  readonly prefix?: unknown
  readonly logLevel?: unknown
  readonly logSerializers?: unknown
}
