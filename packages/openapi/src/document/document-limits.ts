import type { DescribedLimit } from '../limits/described-limit.js'
import { limitsInWords } from '../limits/in-words.js'
import type { LimitedRoute } from '../routes/limited-route.js'
import { additionsTo, denialStatuses } from './additions.js'
import { NewComponents } from './component-names.js'
import { denialResponse, derivedResponse, extended } from './limited-responses.js'
import { openApiDocument } from './openapi-document.js'
import { checkRoutes, type OperationLimits, operationLimits, placeOf } from './operation-limits.js'
import { mapOperations, operationsOf } from './operations.js'
import { withSentence } from './sentence.js'
import { ResponseUses, sharedResponse } from './shared-responses.js'
import { entry, isTree, mapEntries, subtree, type Tree, withEntries } from './tree.js'
import { withoutGenerated } from './without-generated.js'
import { rateLimitBlock } from './x-ratelimit.js'

/**
 * A parsed OpenAPI document with the limits of its operations: their 429 response, header fields, an `x-ratelimit` block and a
 * sentence in the description. What was generated before is replaced; what people wrote stays. `document` itself does not change.
 * @example documentLimits(JSON.parse(text), limitedRoutes(app))
 * @throws {ConfigError} on what is no document of OpenAPI 3.0, 3.1 or 3.2.
 */
export function documentLimits<T extends object>(document: T, routes: readonly LimitedRoute[]): T {
  const checked = openApiDocument('documentLimits()', document)
  checkRoutes('documentLimits()', routes)
  // It is what it was, with more in it.
  return limitedDocument(checked, routes) as T
}

/** The same, of a document and routes that are checked. */
export function limitedDocument(document: Tree, routes: readonly LimitedRoute[]): Tree {
  const written = withoutGenerated(document)
  const limits = operationLimits(written, routes)
  if (limits.size === 0) return written
  const components = new NewComponents(written)
  const uses = usesOf(written, limits)
  const withOperations = mapOperations(written, (operation) => {
    const own = limits.get(placeOf(operation))
    return own === undefined
      ? operation.operation
      : limitedOperation(written, operation.operation, own, uses, components)
  })
  return withComponents(withSharedResponses(withOperations, uses, components), components)
}

function usesOf(document: Tree, limits: OperationLimits): ResponseUses {
  const uses = new ResponseUses(document)
  for (const operation of operationsOf(document)) {
    const own = limits.get(placeOf(operation))
    if (own === undefined) continue
    for (const [status, response] of Object.entries(subtree(operation.operation, 'responses'))) {
      const additions = additionsTo(own, status)
      const shared = isTree(response) ? sharedResponse(document, response) : undefined
      if (additions !== undefined && shared?.isDirect === true) uses.add(shared.name, additions)
    }
  }
  return uses
}

function limitedOperation(
  document: Tree,
  operation: Tree,
  limits: readonly DescribedLimit[],
  uses: ResponseUses,
  components: NewComponents,
): Tree {
  const responses = mapEntries(subtree(operation, 'responses'), (response, status) => {
    const additions = additionsTo(limits, status)
    if (!isTree(response) || additions === undefined) return response
    if (!('$ref' in response)) return extended(response, additions, components)
    const shared = sharedResponse(document, response)
    if (shared === undefined || uses.additionsOf(shared.name) !== undefined) return response
    return { ...response, ...derivedResponse(shared.name, shared.response, additions, components) }
  })
  const denials = denialStatuses(limits).flatMap((status) => {
    const additions = additionsTo(limits, status)
    if (entry(responses, status) !== undefined || additions === undefined) return []
    return [[status, denialResponse(status, additions, components)] as const]
  })
  return withEntries(operation, [
    ['description', withSentence(entry(operation, 'description'), limitsInWords(limits))],
    ['responses', withEntries(responses, denials)],
    ['x-ratelimit', entry(operation, 'x-ratelimit') ?? rateLimitBlock(limits)],
  ])
}

function withSharedResponses(document: Tree, uses: ResponseUses, components: NewComponents): Tree {
  const all = subtree(document, 'components')
  const responses = mapEntries(subtree(all, 'responses'), (response, name) => {
    const additions = uses.additionsOf(name)
    return additions === undefined || !isTree(response) ? response : extended(response, additions, components)
  })
  if (Object.keys(responses).length === 0) return document
  return withEntries(document, [['components', withEntries(all, [['responses', responses]])]])
}

function withComponents(document: Tree, components: NewComponents): Tree {
  const all = subtree(document, 'components')
  const groups = components.all.map(([kind, made]) => [kind, withEntries(subtree(all, kind), made)] as const)
  return groups.length === 0 ? document : withEntries(document, [['components', withEntries(all, groups)]])
}
