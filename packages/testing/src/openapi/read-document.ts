import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { ConfigError } from '@sluice/core'
import { describe, shown } from '@sluice/core/runtime'
import { parse } from 'yaml'

/**
 * An OpenAPI document: an object, or the path or `file:` URL of one in YAML or JSON.
 * @throws {ConfigError} on what is none.
 */
export function readDocument(given: string | URL | object): object {
  const document = typeof given === 'string' || given instanceof URL ? fromFile(given) : given
  if (typeof document === 'object' && document !== null && 'paths' in document && isObject(document.paths)) {
    return document
  }
  throw new ConfigError(
    `openapi: expected an OpenAPI document with "paths", or the path of one such as './openapi.yaml', got ${shown(given)}.`,
  )
}

function fromFile(given: string | URL): unknown {
  const path = given instanceof URL ? fileURLToPath(given) : given
  try {
    // JSON is YAML as well.
    return parse(readFileSync(path, 'utf8'))
  } catch (error) {
    throw new ConfigError(`openapi: ${shown(path)} cannot be read: ${describe(error)}`)
  }
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A part of the document itself, where it is a reference to one such as `#/components/responses/NotFound`. */
export function resolved(document: object, part: unknown): unknown {
  let found = part
  // A chain that is longer is a circle.
  for (let steps = 0; steps < 20 && isObject(found) && typeof found['$ref'] === 'string'; steps++) {
    found = at(document, found['$ref'])
  }
  return found
}

/** By a JSON Pointer within the document (RFC 6901). */
function at(document: object, reference: string): unknown {
  if (!reference.startsWith('#/')) {
    throw new ConfigError(
      `openapi: the reference ${shown(reference)} points outside the document. Bundle it into one file.`,
    )
  }
  let found: unknown = document
  for (const part of reference.slice(2).split('/')) {
    const name = decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~')
    found = isObject(found) && Object.hasOwn(found, name) ? found[name] : undefined
  }
  if (found === undefined) throw new ConfigError(`openapi: the reference ${shown(reference)} points to nothing.`)
  return found
}
