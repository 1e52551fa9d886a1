import type { Overlay } from '@sluice/openapi'

type Json = unknown
type Target = { parent: Record<string, Json> | undefined; name: string; value: Json }

/**
 * Applies an overlay as the OpenAPI Overlay Specification 1.0.0 describes it (§4.4.3), read apart from the code that makes overlays:
 * actions in their order; `remove` removes what is at the target; `update` is merged into the object there, recursively.
 */
export function applyOverlay(document: object, { actions }: Overlay): object {
  const holder = { $: structuredClone(document) as Json }
  for (const action of actions) {
    const { parent, name, value } = find(holder, action.target)
    if (parent === undefined || value === undefined) throw new Error(`${action.target} is nowhere in the document.`)
    if ('remove' in action) delete parent[name]
    else merge(value as Record<string, Json>, action.update)
  }
  return holder.$ as object
}

/** A normalized path (RFC 9535 §2.7), or one with names behind dots. */
function find(holder: { $: Json }, path: string): Target {
  let target: Target = { parent: holder, name: '$', value: holder.$ }
  for (const [, dotted, quoted] of path.slice(1).matchAll(/\.(\w+)|\['((?:[^'\\]|\\.)*)'\]/g)) {
    const name = dotted ?? JSON.parse(`"${quoted?.replace(/\\'/g, "'").replace(/"/g, '\\"')}"`)
    const parent = target.value as Record<string, Json>
    target = { parent, name, value: Object.hasOwn(parent, name) ? parent[name] : undefined }
  }
  return target
}

function merge(into: Record<string, Json>, update: Readonly<Record<string, Json>>): void {
  for (const [name, value] of Object.entries(update)) {
    const old = Object.hasOwn(into, name) ? into[name] : undefined
    if (isObject(old) && isObject(value)) merge(old, value)
    else
      Object.defineProperty(into, name, {
        value: structuredClone(value),
        enumerable: true,
        writable: true,
        configurable: true,
      })
  }
}

function isObject(value: Json): value is Record<string, Json> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
