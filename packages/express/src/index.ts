import type { Decision } from '@sluice/core'
import {
  createLimit,
  type Guard,
  type Limit,
  type Passage,
  type RequestReader,
  type SluiceOptions,
} from '@sluice/core/http'
import type { NextFunction, Request, RequestHandler, Response } from 'express'

export * from '@sluice/core'
export type { Dialect, Events, Limit, LimitOptions, LimitPolicy, Reply, SluiceOptions } from '@sluice/core/http'
export { clientKey } from '@sluice/core/http'

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
 * Limits for Express 4 and 5: `sluice()` gives `limit`, and `limit('100/min')` is a middleware.
 * @example
 * const limit = sluice()
 * app.use(limit('1000/hour'))
 * app.post('/login', limit('5/15min', { name: 'login' }), login)
 * @throws {ConfigError} on an option that cannot be right.
 */
export function sluice(options: SluiceOptions<Request> = {}): Limit<Request, RequestHandler> {
  return createLimit(reader, options, middleware)
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
  trustAdvice: "app.set('trust proxy', 1) for one proxy, or their addresses as in app.set('trust proxy', 'loopback')",
}

function middleware(guard: Guard<Request>): RequestHandler {
  return (request, response, next) => {
    try {
      const passage = guard.admit(request, response)
      if (passage instanceof Promise) passage.then((settled) => answer(settled, request, response, next)).catch(next)
      else answer(passage, request, response, next)
    } catch (error) {
      next(error)
    }
  }
}

function answer(passage: Passage, request: Request, response: Response, next: NextFunction): void {
  if (passage.over) return
  for (const [name, value] of passage.fields) response.setHeader(name, value)
  if (passage.decision !== undefined) {
    decisions.set(request, passage.decision)
    response.locals['rateLimit'] = passage.decision
    exposeDecision(Object.getPrototypeOf(request))
  }
  if (passage.allowed) {
    next()
    return
  }
  response.statusCode = passage.status
  if (passage.body !== undefined) response.setHeader('Content-Length', Buffer.byteLength(passage.body))
  response.end(passage.body)
}

const decisions = new WeakMap<object, Decision>()

/** A property of each request would cost more than the decision: Express gives every request another prototype. */
function exposeDecision(prototype: object): void {
  if ('rateLimit' in prototype) return
  Object.defineProperty(prototype, 'rateLimit', {
    configurable: true,
    get(this: Request) {
      return decisions.get(this)
    },
    set(this: Request, decision: Decision) {
      decisions.set(this, decision)
    },
  })
}
