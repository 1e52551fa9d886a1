import { readFileSync } from 'node:fs'
import { ConfigError } from '@sluice/core'
import { describe } from '@sluice/core/runtime'
import { parse } from 'yaml'
import { type RoutePattern, routePattern } from './route-pattern.js'

/** The routes of an OpenAPI file, with the names of its operations. */
export interface OpenApiRoutes {
  readonly routes: readonly RoutePattern[]
  /** Routes such as `POST /login` by `operationId`. */
  readonly operations: ReadonlyMap<string, string>
}

const METHODS = ['get', 'put', 'post', 'delete', 'options', 'head', 'patch', 'trace', 'query']

/** @throws {ConfigError} where the file cannot be read, or has no paths. */
export function openApiRoutes(path: string): OpenApiRoutes {
  const document = read(path)
  const paths: unknown = typeof document === 'object' && document !== null ? Reflect.get(document, 'paths') : undefined
  if (typeof paths !== 'object' || paths === null) {
    throw new ConfigError(`--openapi: ${path} has no paths; expected an OpenAPI 3 document in YAML or JSON.`)
  }
  const base = basePath(Reflect.get(Object(document), 'servers'))
  const operations = new Map<string, string>()
  const routes: RoutePattern[] = []
  for (const [route, item] of Object.entries(paths)) {
    if (!route.startsWith('/') || typeof item !== 'object' || item === null) continue
    for (const method of METHODS) {
      const operation: unknown = Reflect.get(item, method)
      if (typeof operation !== 'object' || operation === null) continue
      const text = `${method.toUpperCase()} ${base}${route}`
      routes.push(routePattern(text))
      const id: unknown = Reflect.get(operation, 'operationId')
      if (typeof id === 'string') operations.set(id, text)
    }
  }
  return { routes, operations }
}

function read(path: string): unknown {
  try {
    return parse(readFileSync(path, 'utf8'))
  } catch (error) {
    throw new ConfigError(`--openapi: ${path} cannot be read: ${describe(error)}`)
  }
}

/** The path that the first server has. */
function basePath(servers: unknown): string {
  const first: unknown = Array.isArray(servers) ? servers[0] : undefined
  const url: unknown = typeof first === 'object' && first !== null ? Reflect.get(first, 'url') : undefined
  if (typeof url !== 'string' || url.includes('{')) return ''
  return url.replace(/^[a-z]+:\/\/[^/]*/i, '').replace(/\/$/, '')
}
