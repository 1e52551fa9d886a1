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
export type { Dialect, Events, Limit, LimitOptions, Reply, SluiceOptions } from '@sluice/core/http'
export { clientKey } from '@sluice/core/http'

declare global {
  namespace Express {
    interface Request {
      /** The decision over all limits this request has passed so far. */
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
  headers: (request) => request.headers,
  proxies(request) {
    const setting: unknown = request.app.get('trust proxy')
    if (setting === true) return 'all'
    return setting === false || setting === undefined ? 'untrusted' : 'chosen'
  },
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
  if (passage.gone) return
  for (const [name, value] of passage.fields) response.setHeader(name, value)
  if (passage.decision !== undefined) {
    request.rateLimit = passage.decision
    response.locals['rateLimit'] = passage.decision
  }
  if (passage.allowed) {
    next()
    return
  }
  response.statusCode = passage.status
  response.setHeader('Content-Length', Buffer.byteLength(passage.body))
  response.end(passage.body)
}
