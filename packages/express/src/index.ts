/**
 * Limits for Express 4 and 5, and all of `@sluice/core`.
 * @module @sluice/express
 */

import type { Decision } from '@sluice/core'
import {
  type Admits,
  createLimit,
  decisionOf,
  type Limit,
  type Passage,
  type RequestReader,
  type SluiceOptions,
  type UsagePage,
} from '@sluice/core/http'
import type { NextFunction, Request, RequestHandler, Response } from 'express'

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

declare global {
  namespace Express {
    interface Request {
      /** The decision of the limit that this request met last: also the receipt for a refund. */
      rateLimit?: Decision
    }
    interface Locals {
      /** The same, for views. */
      rateLimit?: Decision
    }
  }
}

/**
 * A limit as a middleware. It names no more of a request and a response than it must, so that the handlers behind it keep the
 * types of a route's parameters.
 */
export type LimitHandler = (
  request: Pick<Request, 'ip' | 'socket'>,
  response: Pick<Response, 'headersSent'>,
  next: NextFunction,
) => void

/**
 * Limits for Express 4 and 5: `sluice()` gives `limit`, and `limit('100/min')` is a middleware.
 * @example
 * const limit = sluice()
 * app.use(limit('1000/hour'))
 * app.post('/login', limit('5/15min', { name: 'login' }), login)
 * @throws {ConfigError} on an option that cannot be right.
 */
export function sluice(options: SluiceOptions<Request> = {}): Limit<Request, LimitHandler, RequestHandler> {
  return createLimit(reader, options, middleware, handler)
}

const reader: RequestReader<Request> = {
  ip: (request) => request.ip,
  peer: (request) => request.socket.remoteAddress,
  headers: (request) => request.headers,
  proxies(request) {
    const setting: unknown = request.app.get('trust proxy')
    if (setting === true) return 'all'
    return setting === false || setting === undefined ? 'untrusted' : 'chosen'
  },
  route(request) {
    const { route, baseUrl, method } = request
    const path: unknown = route?.path
    return typeof path === 'string' ? `${method} ${baseUrl}${path}` : undefined
  },
  body: (request) => request.body,
  target: ({ method, originalUrl }) => ({ method, url: originalUrl }),
  bodyAdvice: 'place express.json() before the limit',
  trustAdvice: "app.set('trust proxy', 1) for one proxy, or their addresses as in app.set('trust proxy', 'loopback')",
}

function middleware(guard: Admits<Request>): LimitHandler {
  const limited: RequestHandler = (request, response, next) => {
    try {
      // Kept in the locals, which are a plain object: Express gives every request and response another prototype, so that
      // a new property of theirs would cost more than the decision.
      const { locals } = response
      const passage = guard.admit(request, response, locals)
      if ('then' in passage) {
        passage.then((settled) => answer(settled, request, response, locals, next)).catch(next)
      } else answer(passage, request, response, locals, next)
    } catch (error) {
      next(error)
    }
  }
  return limited as LimitHandler
}

function handler(page: UsagePage<Request>): RequestHandler {
  return (request, response, next) => {
    page
      .reply(request)
      .then(({ status, fields, body }) => {
        for (const [name, value] of fields) response.setHeader(name, value)
        response.status(status).send(body)
      })
      .catch(next)
  }
}

function answer(
  passage: Passage,
  request: Request,
  response: Response,
  locals: Response['locals'],
  next: NextFunction,
): void {
  if (passage.over) return
  for (const [name, value] of passage.fields) response.setHeader(name, value)
  if (passage.decision !== undefined) {
    locals['rateLimit'] = passage.decision
    exposeDecision(request)
  }
  if (passage.allowed) {
    next()
    return
  }
  if (passage.error !== undefined) {
    next(passage.error)
    return
  }
  response.statusCode = passage.status
  if (passage.body !== undefined) response.setHeader('Content-Length', Buffer.byteLength(passage.body))
  response.end(passage.body)
}

/** Marks requests that have the getter: an app may have a `rateLimit` of its own. */
const DECISION: unique symbol = Symbol('sluice.decision')

/** `request.rateLimit`, once for each copy of Express, on what the requests of all its apps inherit from. */
function exposeDecision(request: Request): void {
  const nearest: object | null = Object.getPrototypeOf(request)
  if (nearest === null || DECISION in nearest) return
  let prototype: object | undefined
  for (let next: object | null = nearest; next !== null; next = Object.getPrototypeOf(next)) {
    if (Object.hasOwn(next, 'accepts')) prototype = next
  }
  // A stand-in of somebody's tests, which inherits nothing from Express.
  if (prototype === undefined) return
  Object.defineProperty(prototype, DECISION, { value: true })
  Object.defineProperty(prototype, 'rateLimit', {
    configurable: true,
    get(this: Request) {
      return this.res === undefined ? undefined : decisionOf(this.res.locals)
    },
    set(this: Request, value: unknown) {
      Object.defineProperty(this, 'rateLimit', { value, writable: true, configurable: true, enumerable: true })
    },
  })
}
