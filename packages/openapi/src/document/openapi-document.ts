import { ConfigError } from '@sluice/core'
import { shown } from '@sluice/core/runtime'
import { isTree, type Tree } from './tree.js'

/** @throws {ConfigError} unless it is a parsed document of OpenAPI 3. */
export function openApiDocument(place: string, document: unknown): Tree {
  if (!isTree(document)) {
    throw new ConfigError(
      `${place}: expected a parsed OpenAPI document, as JSON.parse returns one, got ${shown(document)}.`,
    )
  }
  if ('swagger' in document) {
    throw new ConfigError(
      `${place}: expected OpenAPI 3.0 or newer, got Swagger ${shown(document['swagger'])}. Convert the document first, as with ` +
        'npx swagger2openapi.',
    )
  }
  const { openapi, paths } = document
  if (typeof openapi !== 'string' || !/^3\.[0-2](?:\.|$)/.test(openapi)) {
    throw new ConfigError(`${place}: expected openapi: 3.0, 3.1 or 3.2, as in openapi: 3.1.0, got ${shown(openapi)}.`)
  }
  if (paths !== undefined && !isTree(paths)) {
    throw new ConfigError(
      `${place}: paths: expected path items by their paths, as in { '/login': { … } }, got ${shown(paths)}.`,
    )
  }
  return document
}
