import { entry, isTree, subtree, type Tree } from './tree.js'

/** Marks what was generated: it may be replaced, and removed. */
export const MARK = 'x-generated-by'
export const GENERATOR = '@sluice/openapi'
/** On a copy of a response of somebody's: the name of the response that it extends. */
export const SOURCE = 'x-generated-from'

/** Whether a component, or an `x-ratelimit` block, was generated. */
export function isGenerated(value: unknown): value is Tree {
  return isTree(value) && entry(value, MARK) === GENERATOR
}

export type ComponentKind = 'headers' | 'responses' | 'schemas'

export function refTo(kind: ComponentKind, name: string): Tree {
  return { $ref: `#/components/${kind}/${name}` }
}

/** The component of this kind that a Reference Object names, if it names one of this document. */
export function refName(kind: ComponentKind, value: unknown): string | undefined {
  const ref: unknown = isTree(value) ? entry(value, '$ref') : undefined
  const prefix = `#/components/${kind}/`
  if (typeof ref !== 'string' || !ref.startsWith(prefix)) return undefined
  return decoded(ref.slice(prefix.length))
}

/** A token of a JSON Pointer in a URI fragment. */
function decoded(token: string): string {
  const plain = token.replace(/~1/g, '/').replace(/~0/g, '~')
  try {
    return decodeURIComponent(plain)
  } catch {
    return plain
  }
}

/** A component's entry, of any kind. */
export function component(document: Tree, kind: ComponentKind, name: string): unknown {
  return entry(subtree(subtree(document, 'components'), kind), name)
}
