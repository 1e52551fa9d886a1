import { limitedDocument } from '../document/document-limits.js'
import { openApiDocument } from '../document/openapi-document.js'
import { checkRoutes } from '../document/operation-limits.js'
import { isTree, subtree } from '../document/tree.js'
import type { LimitedRoute } from '../routes/limited-route.js'
import { type Change, changes, type Place } from './changes.js'

/** One step of an overlay: what is at `target`, a JSONPath, is updated or removed. */
export type OverlayAction =
  | { readonly target: string; readonly update: Readonly<Record<string, unknown>> }
  | { readonly target: string; readonly remove: true }

/** An OpenAPI Overlay 1.0.0. */
export interface Overlay {
  readonly overlay: '1.0.0'
  readonly info: { readonly title: string; readonly version: string }
  readonly actions: readonly OverlayAction[]
}

/**
 * What `documentLimits` adds, as an OpenAPI Overlay: the document stays as it is, and tools apply the overlay to it.
 * @example writeFileSync('limits.overlay.json', JSON.stringify(overlayOf(document, limitedRoutes(app))))
 * @throws {ConfigError} on what is no document of OpenAPI 3.0, 3.1 or 3.2.
 */
export function overlayOf(document: object, routes: readonly LimitedRoute[]): Overlay {
  const checked = openApiDocument('overlayOf()', document)
  checkRoutes('overlayOf()', routes)
  const all = changes(checked, limitedDocument(checked, routes))
  const { title, version } = subtree(checked, 'info')
  return {
    overlay: '1.0.0',
    info: { title: `Rate limits of ${String(title ?? 'the API')}`, version: String(version ?? '1.0.0') },
    actions: all.length === 0 ? [{ target: '$', update: {} }] : [...removals(all), ...updates(all)],
  }
}

/** An update merges into what is there: a list, or a value of another kind, has to be removed first. */
function removals(all: readonly Change[]): readonly OverlayAction[] {
  return all
    .filter((change) => change.kind === 'removed' || (change.kind === 'replaced' && isCompound(change.value)))
    .map(({ place }) => ({ target: jsonPath(place), remove: true }))
}

function isCompound(value: unknown): boolean {
  return isTree(value) || Array.isArray(value)
}

/** One action for each object that gets entries. */
function updates(all: readonly Change[]): readonly OverlayAction[] {
  const byParent = new Map<string, (readonly [string, unknown])[]>()
  for (const change of all) {
    if (change.kind === 'removed') continue
    const target = jsonPath(change.place.slice(0, -1))
    const entries = byParent.get(target) ?? []
    entries.push([change.place.at(-1) ?? '', change.value])
    byParent.set(target, entries)
  }
  return Array.from(byParent, ([target, entries]) => ({ target, update: Object.fromEntries(entries) }))
}

/** A normalized path of RFC 9535, with names that are plain words behind a dot. */
function jsonPath(place: Place): string {
  const steps = place.map((name) => (/^[A-Za-z_]\w*$/.test(name) ? `.${name}` : `['${escaped(name)}']`))
  return `$${steps.join('')}`
}

function escaped(name: string): string {
  return (
    name
      .replace(/['\\]/g, '\\$&')
      // biome-ignore lint/suspicious/noControlCharactersInRegex: these have to be escaped.
      .replace(/[\u0000-\u001f]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)
  )
}
