import { type ComponentKind, component, refTo } from './generated.js'
import type { Tree } from './tree.js'

/** Components that are generated for one document, each under a name that nobody else has given. */
export class NewComponents {
  readonly #document: Tree
  readonly #made = new Map<ComponentKind, Map<string, unknown>>()

  /** `document` is what people wrote. */
  constructor(document: Tree) {
    this.#document = document
  }

  /** A reference to the component of this name, which is made the first time. */
  ref(kind: ComponentKind, name: string, make: () => Tree): Tree {
    const free = this.#free(kind, name)
    const made = this.#made.get(kind) ?? new Map<string, unknown>()
    this.#made.set(kind, made)
    if (!made.has(free)) made.set(free, undefined)
    if (made.get(free) === undefined) made.set(free, make())
    return refTo(kind, free)
  }

  #free(kind: ComponentKind, name: string): string {
    let free = name
    for (let turn = 2; component(this.#document, kind, free) !== undefined; turn++) free = `${name}-${turn}`
    return free
  }

  /** All that were made, by kind. */
  get all(): readonly (readonly [ComponentKind, readonly (readonly [string, unknown])[]])[] {
    return Array.from(this.#made, ([kind, made]) => [kind, [...made]])
  }
}
