import type { IncomingMessage, ServerResponse } from 'node:http'
import { ConfigError } from '@sluice/core'
import type { UsageOptions } from '@sluice/core/http'
import { isObservable, type Observable, observableOf } from '@sluice/core/observe'
import { checkOptions, describe, shown, warn } from '@sluice/core/runtime'
import { createMetrics, type Metrics } from '@sluice/metrics'
import type { AuditEntry } from './audit.js'
import { type Auth, checkAuth } from './http/access.js'
import { type DashboardRequest, text } from './http/exchange.js'
import { requestOf, send } from './http/node.js'
import { Hub } from './hub.js'
import { isOwnPath, Pages } from './pages.js'
import { ownSources } from './sources.js'

/** The `limit` of a `sluice()`: it knows what its framework’s requests are. */
export interface LimitOfRequests<Req> {
  named(name: string, own?: never): unknown
  usage(options?: UsageOptions<Req>): unknown
}

export interface DashboardOptions<Req = unknown> {
  /**
   * Says what a visitor may do: `'view'`, `'act'` or `false`; with a name, `{ role: 'act', name: 'ana' }`, that stands in the audit log.
   * Without it, the dashboard is open to this machine alone.
   */
  readonly auth?: Auth<Req> | undefined
  /** Shows what these count, as `createMetrics` made them of the same limits: then nothing is counted twice. */
  readonly metrics?: Metrics | undefined
  /** Learns of every action, in addition to the audit log in the store. */
  readonly onAction?: ((entry: AuditEntry) => void) | undefined
}

/** A dashboard: mounted in Express as it is, in the others by its methods. */
export interface Dashboard {
  /** `app.use('/_sluice', dashboard(limit))`; also a listener of `node:http`. */
  (request: IncomingMessage, response: ServerResponse, next?: (error?: unknown) => void): void
  /** `app.use(dashboard(limit).koa('/_sluice'))` */
  koa(path: string): (context: KoaContext, next: () => Promise<unknown>) => Promise<unknown>
  /** `app.register(dashboard(limit).fastify, { prefix: '/_sluice' })` */
  fastify(app: FastifyScope, options: object, done: (error?: Error) => void): void
  /** Adds what was counted last to the store, which happens every five seconds otherwise. */
  flush(): Promise<void>
  /** Adds what was counted last to the store, and stops. */
  close(): Promise<void>
}

/** The part of a Koa context that is looked at. */
export interface KoaContext {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  readonly originalUrl: string
  readonly request: object
  respond?: boolean | undefined
}

/** The part of a Fastify instance that is looked at. */
export interface FastifyScope {
  readonly prefix: string
}

interface FastifyLike extends FastifyScope {
  addHook(name: 'preClose', hook: () => Promise<void>): unknown
  removeAllContentTypeParsers?(): unknown
  addContentTypeParser(
    type: string,
    parser: (request: unknown, payload: unknown, done: (error: null) => void) => void,
  ): unknown
  all(path: string, handler: (request: FastifyRequest, reply: FastifyReply) => void): unknown
}

interface FastifyRequest {
  readonly raw: IncomingMessage
}

interface FastifyReply {
  readonly raw: ServerResponse
  hijack(): unknown
}

/**
 * A dashboard of limits, limiters and clients: who is denied, how close keys come, live, over all servers that share the store.
 * @example app.use('/_sluice', dashboard(limit, { auth: (req) => req.user?.isAdmin && 'act' }))
 * @throws {ConfigError} on what cannot be shown, or an option that cannot be right.
 */
export function dashboard<Req>(
  sources: LimitOfRequests<Req> | readonly [LimitOfRequests<Req>, ...(readonly object[])],
  options?: DashboardOptions<Req>,
): Dashboard
export function dashboard(sources: object | readonly object[], options?: DashboardOptions<IncomingMessage>): Dashboard
export function dashboard<Req>(sources: object | readonly object[], options: DashboardOptions<Req> = {}): Dashboard {
  checkOptions('dashboard()', options, ['auth', 'metrics', 'onAction'])
  if (options.onAction !== undefined && typeof options.onAction !== 'function') {
    throw new ConfigError(`onAction: expected a function, got ${shown(options.onAction)}.`)
  }
  if (options.metrics !== undefined && typeof options.metrics?.collect !== 'function') {
    throw new ConfigError(`metrics: expected what createMetrics() returned, got ${shown(options.metrics)}.`)
  }
  const auth = checkAuth(options.auth)
  const given = [sources].flat() as readonly object[]
  const all = ownSources(given)
  const store = all.observables[0]?.store
  if (store === undefined) {
    throw new ConfigError('dashboard(): needs at least one limit, as sluice() returns it, or one limiter.')
  }
  // Of several dashboards of a limit, the first one keeps its history.
  const fresh = all.observables.filter((observable) => !recorded.has(observable))
  for (const observable of fresh) recorded.add(observable)
  const own =
    options.metrics === undefined ? createMetrics(given.filter((_, i) => isShownBy(given[i], fresh))) : undefined
  const hub = new Hub(all, fresh.length === 0 ? undefined : (options.metrics ?? own), store, options.onAction)
  const page = mountable(hub, auth as Auth<never> | undefined)
  const { close } = page
  return Object.assign(page, {
    async close() {
      await close()
      own?.close()
      for (const observable of fresh) recorded.delete(observable)
    },
  })
}

/** What a dashboard of this process adds to the store already. */
const recorded = new WeakSet<Observable>()

function isShownBy(source: object | undefined, observables: readonly Observable[]): boolean {
  return !isObservable(source) || observables.includes(observableOf(source, 'dashboard()'))
}

/** Turns requests of any framework into answers. */
export function mountable(hub: Hub, auth: Auth<never> | undefined): Dashboard {
  const pages = new Pages(hub, auth)
  const exempt = (path: string): void => {
    for (const observable of hub.sources.observables) observable.exempt(path, isOwnPath)
  }
  const answer = (
    request: DashboardRequest,
    response: ServerResponse,
    target: string,
    letIn: () => void = () => undefined,
  ): void => {
    pages.answer(request, target, letIn).then(
      (found) => send(response, found),
      (error) => {
        warn('SLUICE_DASHBOARD', `The dashboard failed: ${describe(error)}`)
        send(response, text(500, 'The dashboard failed; the process was warned of it.'))
      },
    )
  }
  const express = (
    request: IncomingMessage & { originalUrl?: string; baseUrl?: string; body?: unknown },
    response: ServerResponse,
  ): void => {
    const { originalUrl = request.url ?? '/', baseUrl = '', body } = request
    // Known from the first visitor on, since an app does not say where it mounts what.
    answer(requestOf(request, request.url ?? '/', request, body), response, originalUrl, () => exempt(baseUrl))
  }
  return Object.assign(express, {
    koa: (path: string) => {
      if (typeof path !== 'string' || !path.startsWith('/')) {
        throw new ConfigError(`dashboard().koa(): expected the whole path, as in koa('/_sluice'), got ${shown(path)}.`)
      }
      const mount = path.replace(/\/+$/, '')
      exempt(mount)
      return (context: KoaContext, next: () => Promise<unknown>): Promise<unknown> => {
        const { originalUrl, req, res } = context
        const rest = originalUrl.slice(mount.length)
        if (!originalUrl.startsWith(mount) || !/^(?:$|[/?])/.test(rest)) return next()
        context.respond = false
        const parsed = 'body' in context.request ? context.request.body : undefined
        answer(requestOf(req, rest.startsWith('/') ? rest : `/${rest}`, context, parsed), res, originalUrl)
        return Promise.resolve()
      }
    },
    fastify: (scope: FastifyScope, _options: object, done: (error?: Error) => void) => {
      const app = scope as FastifyLike
      const mount = app.prefix.replace(/\/+$/, '')
      exempt(mount)
      // The dashboard reads its own bodies.
      app.removeAllContentTypeParsers?.()
      app.addContentTypeParser('*', (_request, _payload, parsed) => parsed(null))
      // Before the server waits for its connections.
      app.addHook('preClose', () => {
        hub.live.close()
        return Promise.resolve()
      })
      const handler = (request: FastifyRequest, reply: FastifyReply): void => {
        reply.hijack()
        const url = request.raw.url ?? '/'
        const rest = url.startsWith(mount) ? url.slice(mount.length) : url
        answer(requestOf(request.raw, rest.startsWith('/') ? rest : `/${rest}`, request, undefined), reply.raw, url)
      }
      app.all('/', handler)
      app.all('/*', handler)
      done()
    },
    flush: () => hub.recorder?.flush() ?? Promise.resolve(),
    close: () => hub.close(),
  }) as Dashboard
}
