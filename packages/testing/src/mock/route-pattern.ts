import { ConfigError } from '@sluice/core'
import { shown } from '@sluice/core/runtime'

/** Which requests are meant: a method, or any, and a path. */
export interface RoutePattern {
  /** As it was written. */
  readonly text: string
  /** `undefined` for every method. */
  readonly method: string | undefined
  readonly path: RegExp
}

const PATTERN = /^(?:([A-Z]+) )?(\/\S*|\*)$/

/**
 * A pattern such as `'POST /login'`, `'/v1/*'`, `'/users/:id'` or, as in OpenAPI, `'/users/{id}'`.
 * @throws {ConfigError} on anything else.
 */
export function routePattern(option: string, text: unknown): RoutePattern {
  const [, method, path] = typeof text === 'string' && text.length <= 1_000 ? (PATTERN.exec(text) ?? []) : []
  if (path === undefined || typeof text !== 'string') {
    throw new ConfigError(
      `${option}: expected a route such as 'POST /login', '/v1/*' or '/users/{id}', got ${shown(text)}.`,
    )
  }
  return { text, method, path: pathExpression(path) }
}

/** Whether a request is one of those that the pattern means. */
export function matches(pattern: RoutePattern, method: string, path: string): boolean {
  return (pattern.method === undefined || pattern.method === method) && pattern.path.test(path)
}

/** `*` is any text; `:name` and `{name}` are one part of a path. */
function pathExpression(path: string): RegExp {
  if (path === '*') return /^/
  const source = path.replace(/\{[^{}/]+\}|:\w+|\*|[.+?^${}()|[\]\\]/g, (part) => {
    if (part === '*') return '.*'
    return part.length > 1 ? '[^/]+' : `\\${part}`
  })
  return new RegExp(`^${source}/?$`)
}
