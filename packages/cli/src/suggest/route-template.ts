import type { OpenApiRoutes } from '../limits/openapi-routes.js'
import { RouteTable } from '../limits/route-pattern.js'
import type { LogEntry } from '../logs/entry.js'

/** Segments that are ids: numbers, UUIDs, long hexadecimal or mixed texts. */
const ID = /^(?:\d+|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{16,}|(?=\w*\d)[\w-]{20,})$/i

/** A route as a server would declare it: `GET /users/17` is `GET /users/:id`. */
export function routeTemplate(method: string, path: string): string | undefined {
  if (method === '' || !path.startsWith('/')) return undefined
  const segments = path.split('/').slice(0, MOST_SEGMENTS)
  return `${method} ${segments.map((segment) => (ID.test(segment) ? ':id' : segment)).join('/')}`
}

const MOST_SEGMENTS = 12

/** Finds the route of an entry: among those of an OpenAPI file, or by what looks like ids. */
export function routeReader(openapi: OpenApiRoutes | undefined): (entry: LogEntry) => string | undefined {
  if (openapi === undefined) return ({ method, path }) => routeTemplate(method, path)
  const table = new RouteTable(openapi.routes)
  return ({ method, path }) => table.find(method, path)
}
