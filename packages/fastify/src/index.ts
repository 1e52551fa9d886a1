/**
 * Limits for Fastify 4 and 5, and all of `@sluice/core`.
 * @module @sluice/fastify
 */

import type { Decision } from '@sluice/core'
import {
  type Admits,
  createLimit,
  type Limit,
  type Passage,
  type RequestReader,
  type SluiceOptions,
  type UsagePage,
} from '@sluice/core/http'
import type {
  FastifyPluginCallback,
  FastifyReply,
  FastifyRequest,
  onRequestHookHandler,
  RouteHandlerMethod,
} from 'fastify'
import { pluginOf } from './plugin.js'
import type { LimitHook, RouteLimit, RoutePolicies } from './route-limit.js'

export * from '@sluice/core'
export type {
  Clients,
  Configuration,
  ConfiguredLimit,
  DelayFunction,
  DelayOptions,
  Dialect,
  Limit,
  LimitControls,
  LimitOptions,
  LimitPolicy,
  LimitPolicyLike,
  Measured,
  PlanPolicies,
  Plans,
  PolicyFunction,
  Reply,
  SluiceOptions,
  UsageOptions,
} from '@sluice/core/http'
export { clientKey, headerFields, plans, problem, RateLimitError, Refusal } from '@sluice/core/http'
export type { LimitHook, RouteLimit, RoutePolicies } from './route-limit.js'

/** `limit('100/min')` is a hook; `limit.plugin` limits whole scopes, and single routes by their `config.limit`. */
export interface FastifyLimit extends Limit<FastifyRequest, LimitHook, RouteHandlerMethod> {
  /**
   * @example
   * await app.register(limit.plugin, { policies: '1000/hour' })
   * app.get('/search', { config: { limit: '10/s' } }, search)
   */
  readonly plugin: FastifyPluginCallback<Partial<RouteLimit>>
}

declare module 'fastify' {
  interface FastifyRequest {
    /** The decision of the limit that this request met last: also the receipt for a refund. */
    rateLimit?: Decision
  }
  interface FastifyContextConfig {
    /**
     * This route's own limit, where `limit.plugin` is registered, in addition to the plugin's; `false` exempts the route
     * from the plugin's. Without a name, it is called by the route: `GET /search`.
     */
    limit?: RoutePolicies | RouteLimit | false | undefined
  }
}

/**
 * Limits for Fastify 4 and 5: `sluice()` gives `limit`, and `limit('100/min')` is a hook.
 * @example
 * const limit = sluice()
 * app.addHook('onRequest', limit('1000/hour'))
 * app.post('/login', { onRequest: limit('5/15min', { name: 'login' }) }, login)
 * @throws {ConfigError} on an option that cannot be right.
 */
export function sluice(options: SluiceOptions<FastifyRequest> = {}): FastifyLimit {
  const limit = createLimit(reader, options, hook, handler)
  return Object.assign(limit, { plugin: pluginOf(limit) })
}

const reader: RequestReader<FastifyRequest> = {
  ip: (request) => request.ip,
  peer: (request) => request.socket.remoteAddress,
  headers: (request) => request.headers,
  proxies: (request) => (request.ips === undefined ? 'untrusted' : believesStrangers(request) ? 'all' : 'chosen'),
  route: ({ method, routeOptions: { url } }) => (url === undefined ? undefined : `${method} ${url}`),
  body: (request) => request.body,
  target: ({ method, originalUrl }) => ({ method, url: originalUrl }),
  bodyAdvice: 'make the limit a preHandler, since an onRequest hook runs before bodies are parsed',
  trustAdvice:
    "their addresses, as in Fastify({ trustProxy: 'loopback' }); a number trusts no proxy since Fastify 5.12.1",
}

/** Fastify keeps its trustProxy to itself, so it is asked: whose address would this chain of strangers give? (RFC 5737) */
function believesStrangers(request: FastifyRequest): boolean {
  const chain = Array.from({ length: 64 }, (_, hop) => `203.0.113.${hop}`)
  const stranger: FastifyRequest = Object.create(Object.getPrototypeOf(request), {
    raw: { value: { headers: { 'x-forwarded-for': chain.join(', ') }, socket: { remoteAddress: '192.0.2.1' } } },
  })
  return stranger.ip === chain[0]
}

function hook(guard: Admits<FastifyRequest>): LimitHook {
  const limited: onRequestHookHandler = (request, reply, done) => {
    try {
      const passage = guard.admit(request, reply.raw)
      if ('then' in passage) passage.then((settled) => answer(settled, request, reply, done)).catch(done)
      else answer(passage, request, reply, done)
    } catch (error) {
      done(error as Error)
    }
  }
  return limited as LimitHook
}

function handler(page: UsagePage<FastifyRequest>): RouteHandlerMethod {
  return async (request, reply) => {
    const { status, fields, body } = await page.reply(request)
    for (const [name, value] of fields) reply.header(name, value)
    return reply.code(status).send(body)
  }
}

function answer(passage: Passage, request: FastifyRequest, reply: FastifyReply, done: (error?: Error) => void): void {
  if (passage.over) {
    if (!reply.sent) reply.hijack()
    done()
    return
  }
  for (const [name, value] of passage.fields) reply.header(name, value)
  if (passage.decision !== undefined) request.rateLimit = passage.decision
  if (passage.allowed) done()
  else if (passage.error !== undefined) done(passage.error)
  else reply.code(passage.status).send(passage.body)
}
