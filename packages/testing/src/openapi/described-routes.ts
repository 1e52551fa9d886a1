import type { MockAnswer } from '../mock/answer.js'
import type { Incoming } from '../mock/incoming.js'
import { matches, type RoutePattern, routePattern } from '../mock/route-pattern.js'
import { exampleAnswer } from './examples.js'
import { isObject, readDocument, resolved } from './read-document.js'

/** How a described API answers: as its document says, or that there is no such route or method. */
export type Described =
  | { readonly kind: 'answer'; readonly answer: MockAnswer }
  | { readonly kind: 'no-route' }
  | { readonly kind: 'no-method'; readonly allow: string }

interface DescribedPath {
  readonly pattern: RoutePattern
  readonly answers: ReadonlyMap<string, () => MockAnswer>
}

const METHODS = ['get', 'put', 'post', 'delete', 'options', 'head', 'patch', 'trace']

/** The routes of an OpenAPI document, with their examples. */
export class DescribedRoutes {
  readonly #paths: readonly DescribedPath[]
  /** The path of the first server, such as `/v1`, which requests may have in front. */
  readonly #base: string

  /** @throws {ConfigError} on a document that cannot be read. */
  constructor(given: string | URL | object) {
    const document = readDocument(given)
    const paths = 'paths' in document && isObject(document.paths) ? Object.entries(document.paths) : []
    this.#base = basePath(document)
    this.#paths = paths
      .filter(([path]) => path.startsWith('/'))
      .map(([path, item]) => ({ pattern: routePattern('openapi: paths', path), answers: answersOf(document, item) }))
      // A path without parameters is meant before one with them.
      .sort((one, other) => parameters(one) - parameters(other))
  }

  of({ request: { method }, path }: Incoming): Described {
    const own = path.startsWith(`${this.#base}/`) ? path.slice(this.#base.length) : path
    const found = this.#paths.find(({ pattern }) => matches(pattern, method, own) || matches(pattern, method, path))
    if (found === undefined) return { kind: 'no-route' }
    const answer = found.answers.get(method) ?? (method === 'HEAD' ? found.answers.get('GET') : undefined)
    if (answer !== undefined) return { kind: 'answer', answer: answer() }
    return { kind: 'no-method', allow: [...found.answers.keys()].join(', ') }
  }
}

function parameters({ pattern }: DescribedPath): number {
  return pattern.text.split('{').length
}

function answersOf(document: object, given: unknown): ReadonlyMap<string, () => MockAnswer> {
  const item = resolved(document, given)
  const operations = isObject(item) ? METHODS.map((method) => [method, item[method]] as const) : []
  const answers = new Map<string, () => MockAnswer>()
  for (const [method, operation] of operations) {
    if (isObject(operation)) answers.set(method.toUpperCase(), exampleAnswer(document, operation))
  }
  return answers
}

function basePath(document: object): string {
  const servers: unknown = 'servers' in document ? document.servers : undefined
  const [first] = Array.isArray(servers) ? servers : []
  const url: unknown = isObject(first) ? first['url'] : undefined
  if (typeof url !== 'string') return ''
  return url.replace(/^[a-z]+:\/\/[^/]*/i, '').replace(/\/+$/, '')
}
