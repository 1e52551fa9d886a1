import { isSame, isTree, type Tree } from '../document/tree.js'

/** A place in a document, from its root on. */
export type Place = readonly string[]

/** One entry of a document that is added, replaced or removed. */
export type Change =
  | { readonly kind: 'added' | 'replaced'; readonly place: Place; readonly value: unknown }
  | { readonly kind: 'removed'; readonly place: Place }

/** What makes `after` of `before`: as few entries as possible, in the order of the document. */
export function changes(before: Tree, after: Tree, place: Place = []): readonly Change[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])]
  return names.flatMap((name): readonly Change[] => {
    const at = [...place, name]
    if (!Object.hasOwn(after, name)) return [{ kind: 'removed', place: at }]
    const value = after[name]
    if (!Object.hasOwn(before, name)) return [{ kind: 'added', place: at, value }]
    const old = before[name]
    if (old === value) return []
    // What was empty is replaced as a whole.
    if (isTree(old) && isTree(value) && Object.keys(old).length > 0) return changes(old, value, at)
    return isSame(old, value) ? [] : [{ kind: 'replaced', place: at, value }]
  })
}
