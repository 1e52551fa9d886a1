import type { Decision } from '@sluice/core'
import {
  createLimit,
  fieldsOf,
  type Guard,
  type Limit,
  type Passage,
  type RequestReader,
  type SluiceOptions,
} from '@sluice/core/http'
import type { Context, Middleware, Next } from 'koa'

export * from '@sluice/core'
export type { Dialect, Events, Limit, LimitOptions, Reply, SluiceOptions } from '@sluice/core/http'
export { clientKey } from '@sluice/core/http'

declare module 'koa' {
  interface DefaultState {
    /** The decision over all limits this request has passed so far. */
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
export function sluice(options: SluiceOptions<Context> = {}): Limit<Context, Middleware> {
  return createLimit(reader, options, middleware)
}

const reader: RequestReader<Context> = {
  ip: (context) => context.ip,
  headers: (context) => context.req.headers,
  proxies({ app }) {
    if (!app.proxy) return 'untrusted'
    return app.maxIpsCount > 0 ? 'chosen' : 'all'
  },
}

function middleware(guard: Guard<Context>): Middleware {
  return (context, next) => {
    const passage = guard.admit(context, context.res)
    return passage instanceof Promise
      ? passage.then((settled) => answer(settled, context, next))
      : answer(passage, context, next)
  }
}

function answer(passage: Passage, context: Context, next: Next): Promise<unknown> | undefined {
  if (passage.gone) {
    context.respond = false
    return undefined
  }
  for (const [name, value] of passage.fields) context.res.setHeader(name, value)
  if (passage.decision !== undefined) context.state.rateLimit = passage.decision
  if (passage.allowed) {
    context.onerror = failed
    return next()
  }
  context.status = passage.status
  context.body = passage.body
  return undefined
}

/** Koa takes all headers off a failed response but those that the error itself carries. */
function failed(this: Context, error: Error): void {
  if (error instanceof Error && Object.isExtensible(error)) {
    Object.assign(error, { headers: { ...Object.fromEntries(fieldsOf(this)), ...headersOf(error) } })
  }
  Object.getPrototypeOf(this).onerror.call(this, error)
}

function headersOf(error: Error & { headers?: unknown }): object {
  return typeof error.headers === 'object' && error.headers !== null ? error.headers : {}
}
