import { entry, isTree, mapEntries, subtree, type Tree } from './tree.js'

/** The methods that a path item can have operations for; `query` since OpenAPI 3.2. */
const METHODS: readonly string[] = ['get', 'put', 'post', 'delete', 'options', 'head', 'patch', 'trace', 'query']

/** An operation under `paths`. Callbacks and webhooks are requests of the server: its limits do not concern them. */
export interface Operation {
  /** In capitals. */
  readonly method: string
  readonly path: string
  readonly operation: Tree
  readonly pathItem: Tree
}

/** All operations under `paths`, in the order of the document. */
export function operationsOf(document: Tree): readonly Operation[] {
  return Object.entries(subtree(document, 'paths')).flatMap(([path, pathItem]) => {
    if (!isTree(pathItem)) return []
    return Object.entries(pathItem).flatMap(([name, operation]) =>
      METHODS.includes(name) && isTree(operation) ? [{ method: name.toUpperCase(), path, operation, pathItem }] : [],
    )
  })
}

/** The document with each of its operations mapped. */
export function mapOperations(document: Tree, map: (operation: Operation) => Tree): Tree {
  if (!isTree(entry(document, 'paths'))) return document
  return mapEntries(document, (paths, name) =>
    name === 'paths' && isTree(paths)
      ? mapEntries(paths, (pathItem, path) => {
          if (!isTree(pathItem)) return pathItem
          return mapEntries(pathItem, (operation, key) =>
            METHODS.includes(key) && isTree(operation)
              ? map({ method: key.toUpperCase(), path, operation, pathItem })
              : operation,
          )
        })
      : paths,
  )
}

/** The paths at which an operation can stand on a server: its own, and behind the path of each server's URL. */
export function servedPaths(document: Tree, { path, operation, pathItem }: Operation): readonly string[] {
  const nearest = [operation, pathItem, document].map((tree) => entry(tree, 'servers')).find(Array.isArray) ?? []
  const bases: readonly string[] = nearest.flatMap((server: unknown) => (isTree(server) ? basePath(server) : []))
  return [...new Set([path, ...bases.map((base) => `${base}${path}`)])]
}

function basePath(server: Tree): string {
  const { url } = server
  if (typeof url !== 'string') return ''
  const filled = url.replace(/\{([^{}]*)\}/g, (_, name: string) =>
    String(subtree(subtree(server, 'variables'), name)['default'] ?? ''),
  )
  return filled.replace(/^[a-z][\w+.-]*:\/\/[^/?#]*|^\/\/[^/?#]*/i, '').replace(/[?#].*$|\/+$/g, '')
}
