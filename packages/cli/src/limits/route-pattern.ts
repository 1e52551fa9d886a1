import { ConfigError } from '@sluice/core'

/** `POST /login`, `/v1/*`, `GET /users/:id`, `/users/{id}`. */
export interface RoutePattern {
  readonly text: string
  /** Upper case; `undefined` for any. */
  readonly method: string | undefined
  readonly segments: readonly string[]
  readonly regex: RegExp
}

const ROUTE = /^(?:(?<method>[A-Za-z]+|\*)\s+)?(?<path>\/\S*)$/

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'CONNECT', 'QUERY'])

/** Whether a text is meant as a route. */
export function isRoute(text: string): boolean {
  return ROUTE.test(text)
}

/** @throws {ConfigError} on what is no route. */
export function routePattern(text: string): RoutePattern {
  const { method, path } = ROUTE.exec(text.trim())?.groups ?? {}
  if (path === undefined) {
    throw new ConfigError(
      `A route is a path with or without a method, such as 'POST /login' or '/v1/*'; got '${text}'.`,
    )
  }
  if (method !== undefined && method !== '*' && !METHODS.has(method.toUpperCase())) {
    throw new ConfigError(`${method} is no method of HTTP, in the route '${text}'.`)
  }
  const segments = path.split('/').slice(1)
  const source = segments.map((segment, i) => {
    if (segment === '*' && i === segments.length - 1) return '(?:/.*)?'
    return `/${segment
      .split(/(:\w+|\{[^}]+\}|\*)/)
      .map(sourceOf)
      .join('')}`
  })
  const any = method === undefined || method === '*'
  return {
    text: text.trim(),
    method: any ? undefined : method.toUpperCase(),
    segments,
    regex: new RegExp(`^${source.join('').replace(/\/$/, '')}/?$`),
  }
}

function sourceOf(part: string): string {
  if (/^(?::\w+|\{[^}]+\}|\*)$/.test(part)) return '[^/]+'
  return part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
}

export function matches(
  { method, regex }: RoutePattern,
  entry: { readonly method: string; readonly path: string },
): boolean {
  return (method === undefined || method === entry.method) && regex.test(entry.path)
}

/** Finds the route of a request among many, the one with the most literal segments first. */
export class RouteTable {
  readonly #byLength = new Map<number, RoutePattern[]>()
  readonly #open: RoutePattern[] = []
  #known = new Map<string, string | undefined>()

  constructor(routes: readonly RoutePattern[]) {
    for (const route of [...routes].sort((one, other) => literals(other) - literals(one))) {
      if (route.segments.at(-1) === '*') this.#open.push(route)
      else {
        const { length } = route.segments
        this.#byLength.set(length, [...(this.#byLength.get(length) ?? []), route])
      }
    }
  }

  /** The text of the route, `undefined` where none matches. */
  find(method: string, path: string): string | undefined {
    const id = `${method} ${path}`
    if (this.#known.has(id)) return this.#known.get(id)
    const length = path.replace(/\/$/, '').split('/').length - 1
    const candidates = [...(this.#byLength.get(Math.max(1, length)) ?? []), ...this.#open]
    const found = candidates.find((route) => matches(route, { method, path }))?.text
    if (this.#known.size >= MOST_REMEMBERED) this.#known = new Map()
    this.#known.set(id, found)
    return found
  }
}

const MOST_REMEMBERED = 50_000

function literals({ segments }: RoutePattern): number {
  return segments.filter((segment) => !/[:{*]/.test(segment)).length
}
