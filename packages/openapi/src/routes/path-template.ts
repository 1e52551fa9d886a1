/**
 * A path of Express, Koa or Fastify as OpenAPI writes it; several where a part of it is optional.
 * @example pathTemplates('/users/:id(\\d+)/:tab?') // ['/users/{id}', '/users/{id}/{tab}']
 */
export function pathTemplates(path: string): readonly string[] {
  return [...new Set(withoutOptions(path).map(template))]
}

/** `/a/:b?` of Express 4 and Fastify, `/a{/:b}` of Express 5 and Koa: both without and with what is optional. */
function withoutOptions(path: string): readonly string[] {
  const group = /\{([^{}]*)\}/.exec(path)
  if (group !== null) {
    const [all, inner = ''] = group
    return ['', inner].flatMap((part) => withoutOptions(replaceAt(path, group.index, all.length, part)))
  }
  const optional = /\/:\w+(?:\([^()]*\))?\?/.exec(path)
  if (optional === null) return [path]
  const [all] = optional
  return ['', all.slice(0, -1)].flatMap((part) => withoutOptions(replaceAt(path, optional.index, all.length, part)))
}

function replaceAt(text: string, index: number, length: number, by: string): string {
  return text.slice(0, index) + by + text.slice(index + length)
}

/** `::` is Fastify's literal colon, `*rest` a wildcard of Express 5 and Koa. */
function template(path: string): string {
  const named = path.replace(
    /::|:"?(\w+)"?(?:\((?:[^()]|\([^()]*\))*\))?[+*]?|\*\w*|\\(.)/g,
    (found, name, escaped) => {
      if (found === '::') return ':'
      if (escaped !== undefined) return escaped
      return name === undefined ? WILDCARD : `{${name}}`
    },
  )
  const joined = named.replace(/\/{2,}/g, '/')
  return joined.length > 1 ? joined.replace(/\/$/, '') : joined || '/'
}

const WILDCARD = '{*}'

/** Paths that a template stands for, as a router would see them in requests: a parameter may take only digits, or only letters. */
export function samplePaths(path: string): readonly string[] {
  return VALUES.map((value) => path.replace(/\{[^}]*\}/g, value))
}

const VALUES = ['1', 'a', 'aa', 'AA', '2026-01-01', '00000000-0000-4000-8000-000000000000']

/** What two templates have in common that differ only in the names of their parameters. */
export function pathShape(path: string): string {
  // Parameters side by side would be tried in every division.
  const shape = path.replace(/\{\*\}/g, '*').replace(/(?:\{[^}]*\})+/g, '{}')
  return shape.length > 1 ? shape.replace(/\/$/, '') : shape
}

/** What the shapes of those paths match that a route covers: a parameter covers any segment, a wildcard any rest. */
export function coverage(route: string): RegExp {
  const pattern = pathShape(route)
    .split(/(\{\}|\*)/)
    .map((part) => (part === '{}' ? '[^/]+' : part === '*' ? '.*' : part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')))
  return new RegExp(`^${pattern.join('')}$`)
}
