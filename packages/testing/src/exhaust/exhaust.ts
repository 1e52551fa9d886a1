import { ConfigError } from '@sluice/core'
import { checkOptions, checkWhole, shown } from '@sluice/core/runtime'
import { isDenial, readResponse } from '../matchers/read-response.js'
import { type ExhaustedRequest, openTarget, type TestedApp } from './tested-app.js'

export interface ExhaustOptions {
  /** Requests that are sent at most, 1 to 1,000,000. Defaults to 1,000. */
  readonly most?: number | undefined
}

export interface Exhausted {
  /** The first response that was a denial, with its body. */
  readonly response: Response
  /** How many requests passed before it. */
  readonly allowed: number
}

/**
 * Sends the same request, one after the other, until one is denied.
 * @param app An Express or Koa app, a Fastify instance, a server of `node:http`, or the base URL of one.
 * @param request A path, a route such as `'POST /login'`, or a request with a method, headers and a body.
 * @example
 * const { response, allowed } = await exhaust(app, 'POST /login')
 * expect(allowed).toBe(5)
 * expect(response).toBeRateLimited({ policy: 'login' })
 * @throws {Error} where no request was denied. @throws {ConfigError} on an argument that cannot be right. Both as a rejection.
 */
export async function exhaust(
  app: TestedApp,
  request: string | ExhaustedRequest = '/',
  options: ExhaustOptions = {},
): Promise<Exhausted> {
  checkOptions('exhaust()', options, ['most'])
  const most = checkWhole('exhaust(): most', options.most ?? 1_000, 1, 1_000_000)
  const sent = requestOf(request)
  const target = await openTarget(app)
  const statuses = new Set<number>()
  try {
    for (let allowed = 0; allowed < most; allowed++) {
      const response = await target.send(sent)
      if (isDenial(readResponse(response))) return { response, allowed }
      statuses.add(response.status)
    }
  } finally {
    await target.close()
  }
  const what = `${sent.method ?? 'GET'} ${sent.path}`
  throw new Error(
    `exhaust(): ${what} was sent ${most} times and never denied; it was answered ${[...statuses].join(', ')}. Does the route exist, and ` +
      'does it have a limit?',
  )
}

function requestOf(given: string | ExhaustedRequest): ExhaustedRequest {
  if (typeof given === 'string') {
    const [, method = 'GET', path] = /^(?:([A-Z]+) )?(\/\S*)$/.exec(given) ?? []
    if (path !== undefined) return { method, path }
  } else if (typeof given === 'object' && given !== null) {
    checkOptions('exhaust(): a request', given, ['method', 'path', 'headers', 'body'])
    if (typeof given.path === 'string' && given.path.startsWith('/')) return given
  }
  throw new ConfigError(
    `exhaust(): expected a request such as '/search', 'POST /login' or { method: 'POST', path: '/login', body: {} }, got ${shown(given)}.`,
  )
}
