import { ConfigError } from '@sluice/core'
import { describe, shown } from '@sluice/core/runtime'
import { limitedDocument } from '../document/document-limits.js'
import { openApiDocument } from '../document/openapi-document.js'
import { checkRoutes } from '../document/operation-limits.js'
import type { Tree } from '../document/tree.js'
import type { LimitedRoute } from '../routes/limited-route.js'
import { type Change, changes } from './changes.js'
import { jsonText } from './json-text.js'
import { YamlText } from './yaml-text.js'

/**
 * The text of an OpenAPI document, YAML or JSON, with the limits of its operations: what `documentLimits` does, with the comments
 * and the style of the text kept. A text that is up to date is returned as it is.
 * @throws {ConfigError} on a text that cannot be read, and on what is no document of OpenAPI 3.
 */
export function documentText(text: string, routes: readonly LimitedRoute[]): string {
  const read = readText('documentText()', text)
  checkRoutes('documentText()', routes)
  const after = limitedDocument(read.document, routes)
  const all = changes(read.document, after)
  return all.length === 0 ? text : read.write(after, all)
}

interface ReadText {
  readonly document: Tree
  write(after: Tree, all: readonly Change[]): string
}

/** @throws {ConfigError} on what is no document of OpenAPI 3. */
export function readText(place: string, text: string): ReadText {
  if (typeof text !== 'string') throw new ConfigError(`${place}: expected the text of a document, got ${shown(text)}.`)
  if (/^\s*\{/.test(text)) {
    const json = parsedJson(text)
    if (json !== undefined) return { document: openApiDocument(place, json), write: (after) => jsonText(text, after) }
  }
  const yaml = parsedYaml(place, text)
  return { document: openApiDocument(place, yaml.value), write: (after, all) => yaml.changed(all, after) }
}

/** A text that begins with a brace may be YAML too. */
function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function parsedYaml(place: string, text: string): YamlText {
  try {
    return new YamlText(text)
  } catch (error) {
    throw new ConfigError(`${place}: the text is neither YAML nor JSON: ${describe(error)}`)
  }
}
