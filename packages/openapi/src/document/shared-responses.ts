import type { Additions } from './additions.js'
import { component, refName } from './generated.js'
import { isTree, type Tree } from './tree.js'

/** A response of `components` that operations refer to. */
export interface SharedResponse {
  readonly name: string
  readonly response: Tree
  /** Whether the reference names it itself, and not another reference. */
  readonly isDirect: boolean
}

/** The response that a reference leads to, by way of others; `undefined` where it leads to none of this document. */
export function sharedResponse(document: Tree, reference: Tree): SharedResponse | undefined {
  const met = new Set<string>()
  let name = refName('responses', reference)
  while (name !== undefined && !met.has(name)) {
    met.add(name)
    const response = component(document, 'responses', name)
    if (!isTree(response)) return undefined
    if (!('$ref' in response)) return { name, response, isDirect: met.size === 1 }
    name = refName('responses', response)
  }
  return undefined
}

/** Which shared responses only limited operations use, all with the same additions: those can have the additions themselves. */
export class ResponseUses {
  readonly #uses = new Map<string, number>()
  readonly #limited = new Map<string, { count: number; readonly additions: Additions; isAlike: boolean }>()

  constructor(document: Tree) {
    this.#count(document, new Set())
  }

  /** An operation that is limited refers to a response. */
  add(name: string, additions: Additions): void {
    const known = this.#limited.get(name)
    if (known === undefined) this.#limited.set(name, { count: 1, additions, isAlike: true })
    else {
      known.count += 1
      known.isAlike &&= known.additions.suffix === additions.suffix && known.additions.denial === additions.denial
    }
  }

  /** The additions of a response that can have them itself. */
  additionsOf(name: string): Additions | undefined {
    const known = this.#limited.get(name)
    return known?.isAlike === true && known.count === this.#uses.get(name) ? known.additions : undefined
  }

  /** All references of the document, wherever they stand. */
  #count(value: unknown, met: Set<object>): void {
    if (typeof value !== 'object' || value === null || met.has(value)) return
    met.add(value)
    const name = refName('responses', value)
    if (name !== undefined) this.#uses.set(name, (this.#uses.get(name) ?? 0) + 1)
    for (const inner of Object.values(value)) this.#count(inner, met)
  }
}
