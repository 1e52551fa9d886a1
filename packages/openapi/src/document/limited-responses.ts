import type { Additions } from './additions.js'
import type { NewComponents } from './component-names.js'
import { GENERATOR, MARK, SOURCE } from './generated.js'
import { type HeaderUse, headerComponent } from './header-components.js'
import { PROBLEM_SCHEMA, PROBLEM_TYPE, problemSchema } from './problem-schema.js'
import { entry, subtree, type Tree, withEntries } from './tree.js'

/** A response of somebody's with what limits add. What it has already stays as it is. */
export function extended(response: Tree, { headers, denial }: Additions, components: NewComponents): Tree {
  const own = subtree(response, 'headers')
  const known = new Set(Object.keys(own).map((name) => name.toLowerCase()))
  const missing = headers.filter(({ name }) => !known.has(name.toLowerCase()))
  const content = subtree(response, 'content')
  const isBare = denial === 'problem' && entry(content, PROBLEM_TYPE) === undefined
  return withEntries(response, [
    [
      'headers',
      missing.length === 0 ? entry(response, 'headers') : withEntries(own, headerEntries(missing, components)),
    ],
    ['content', isBare ? withEntries(content, [[PROBLEM_TYPE, problemMedia(components)]]) : entry(response, 'content')],
  ])
}

/** The response of a denial, for an operation that has none. */
export function denialResponse(status: string, additions: Additions, components: NewComponents): Tree {
  return components.ref('responses', `${NAMES[status] ?? status}${additions.suffix}`, () => ({
    description: DESCRIPTIONS[status] ?? status,
    headers: Object.fromEntries(headerEntries(additions.headers, components)),
    content:
      additions.denial === 'problem'
        ? { [PROBLEM_TYPE]: problemMedia(components), 'text/plain': { schema: { type: 'string' } } }
        : { '*/*': {} },
    [MARK]: GENERATOR,
  }))
}

const NAMES: Readonly<Record<string, string>> = { 429: 'RateLimited', 503: 'OutOfCapacity' }

const DESCRIPTIONS: Readonly<Record<string, string>> = {
  429: 'Too many requests: a rate limit denied this one. Retry after the seconds in Retry-After.',
  503: 'The server has no room for this request at the moment. Retry later.',
}

/** A copy of a shared response that has what limits add, for the operations that are limited. */
export function derivedResponse(name: string, response: Tree, additions: Additions, components: NewComponents): Tree {
  return components.ref('responses', `${name}-RateLimited${additions.suffix}`, () => ({
    ...extended(response, additions, components),
    [MARK]: GENERATOR,
    [SOURCE]: name,
  }))
}

function headerEntries(headers: readonly HeaderUse[], components: NewComponents): readonly (readonly [string, Tree])[] {
  return headers.map(({ name, component }) => [
    name,
    components.ref('headers', component, () => headerComponent(component)),
  ])
}

function problemMedia(components: NewComponents): Tree {
  return { schema: components.ref('schemas', PROBLEM_SCHEMA, problemSchema) }
}
