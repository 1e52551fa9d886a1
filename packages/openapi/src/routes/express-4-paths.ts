interface Key {
  readonly name: string | number
}

/**
 * The paths of which Express 4 made a regular expression to mount a router there, as OpenAPI writes them. None where somebody
 * wrote the expression.
 * @example mountPaths('^\\/users(?:\\/([^/]+?))\\/?(?=\\/|$)', [{ name: 'id' }]) // ['/users/{id}']
 */
export function mountPaths(source: string, keys: readonly Key[]): readonly string[] {
  const left = [...keys]
  return source.split('|^').flatMap((one) => {
    const [, body] = /^\^?(.*?)\\\/\?\(\?=\\\/\|\$\)$/.exec(one) ?? []
    return body === undefined ? [] : decoded(body, left)
  })
}

/** Literal characters and parameters, up to the first thing that is neither. `keys` loses those that are met. */
function decoded(body: string, keys: Key[]): readonly string[] {
  let paths: readonly string[] = ['']
  for (let i = 0; i < body.length; ) {
    if (body.startsWith('(?:', i)) {
      const end = closing(body, i)
      const prefix = /^(?:\\.|[^\\()])*/.exec(body.slice(i + 3, end))?.[0] ?? ''
      const part = `${prefix.replace(/\\/g, '')}{${keys.shift()?.name ?? ''}}`
      const isOptional = body[end + 1] === '?'
      paths = paths.flatMap((path) => (isOptional ? [path, path + part] : [path + part]))
      i = end + (isOptional ? 2 : 1)
      continue
    }
    const isEscaped = body[i] === '\\'
    const char = body[isEscaped ? i + 1 : i] ?? ''
    if (!isEscaped && /[()[\]{}?+*|^$.]/.test(char)) return []
    paths = paths.map((path) => path + char)
    i += isEscaped ? 2 : 1
  }
  return paths.map((path) => path || '/')
}

/** Where the group ends that begins at `start`. */
function closing(body: string, start: number): number {
  let depth = 0
  for (let i = start; i < body.length; i++) {
    if (body[i] === '\\') i += 1
    else if (body[i] === '(') depth += 1
    else if (body[i] === ')' && --depth === 0) return i
  }
  return body.length
}
