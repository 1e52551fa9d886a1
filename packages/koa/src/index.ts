/**
 * Limits for Koa 2 and 3, and all of `@sluice/core`.
 * @module @sluice/koa
 */

import type { Decision } from '@sluice/core'
import {
  type Admits,
  createLimit,
  fieldsOf,
  type Limit,
  type Passage,
  type RequestReader,
  type SluiceOptions,
  type UsagePage,
} from '@sluice/core/http'
import type { Context, Middleware, Next } from 'koa'

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

declare module 'koa' {
  interface DefaultState {
    /** The decision of the limit that this request met last: also the receipt for a refund. */
    rateLimit?: Decision
  }
}

/**
 * Limits for Koa 2 and 3: `sluice()` gives `limit`, and `limit('100/min')` is a middleware.
 * @example
 * const limit = sluice()
 * app.use(limit('1000/hour'))
 * router.post('/login', limit('5/15min', { name: 'login' }), login)
 * @throws {ConfigError} on an option that cannot be right.
 */
export function sluice(options: SluiceOptions<Context> = {}): Limit<Context, Middleware, Middleware> {
  return createLimit(reader, options, middleware, handler)
}

const reader: RequestReader<Context> = {
  ip: (context) => context.ip,
  peer: (context) => context.req.socket.remoteAddress,
  headers: (context) => context.req.headers,
  proxies({ app }) {
    if (!app.proxy) return 'untrusted'
    return app.maxIpsCount > 0 ? 'chosen' : 'all'
  },
  route: (context) => {
    const { _matchedRoute: route } = context as { _matchedRoute?: unknown }
    return typeof route === 'string' ? `${context.method} ${route}` : undefined
  },
  body: ({ request }) => ('body' in request ? request.body : undefined),
  target: ({ method, originalUrl }) => ({ method, url: originalUrl }),
  bodyAdvice: 'place @koa/bodyparser before the limit',
  trustAdvice: 'new Koa({ proxy: true, maxIpsCount: 1 }) for one proxy',
}

function middleware(guard: Admits<Context>): Middleware {
  return (context, next) => {
    const passage = guard.admit(context, context.res)
    return 'then' in passage
      ? passage.then((settled) => answer(settled, context, next))
      : answer(passage, context, next)
  }
}

function handler(page: UsagePage<Context>): Middleware {
  return async (context) => {
    const { status, fields, body } = await page.reply(context)
    context.status = status
    context.body = body
    for (const [name, value] of fields) context.set(name, value)
  }
}

function answer(passage: Passage, context: Context, next: Next): Promise<unknown> | undefined {
  if (passage.over) {
    context.respond = false
    return undefined
  }
  for (const [name, value] of passage.fields) context.res.setHeader(name, value)
  if (passage.decision !== undefined) context.state.rateLimit = passage.decision
  if (passage.allowed || passage.error !== undefined) {
    context.onerror = Object.hasOwn(context, 'onerror') ? failedAs(context.onerror) : failed
    if (passage.error !== undefined) throw passage.error
    return next()
  }
  context.status = passage.status
  context.body = passage.body ?? null
  if (passage.body === undefined) context.status = passage.status
  return undefined
}

/**
 * Koa takes all header fields off a failed response and sets those that the error carries: ours are put back just before
 * it ends the response, without touching the error.
 */
function failed(this: Context, error: Error): void {
  withFields(this, () => Object.getPrototypeOf(this).onerror.call(this, error))
}

/** Where this context has an error handler of its own. */
function failedAs(handler: Context['onerror']): Context['onerror'] {
  if (handler === failed) return failed
  return function (this: Context, error: Error) {
    withFields(this, () => handler.call(this, error))
  }
}

function withFields({ res }: Context, handle: () => void): void {
  const { end } = res
  const endWithFields = (...args: unknown[]): unknown => {
    res.end = end
    for (const [name, value] of fieldsOf(res)) if (!res.headersSent && !res.hasHeader(name)) res.setHeader(name, value)
    return Reflect.apply(end, res, args)
  }
  res.end = endWithFields as typeof end
  try {
    handle()
  } finally {
    res.end = end
  }
}
