import { ConfigError } from '@sluice/core'
import { type Document, parseDocument } from 'yaml'
import { isSame, type Tree } from '../document/tree.js'
import type { Change } from './changes.js'
import { YamlNodes } from './yaml-nodes.js'
import { splicedYaml } from './yaml-splice.js'
import { styleOf } from './yaml-style.js'

/** A document in YAML that can be changed without losing its comments and its style. */
export class YamlText {
  readonly value: unknown
  readonly #text: string

  /** @throws {Error} on what is no YAML. */
  constructor(text: string) {
    this.#text = text
    this.value = said(parsed(text))
  }

  /**
   * The text with these changes, which make `after` of its value.
   * @throws {ConfigError} where anchors stand in the way.
   */
  changed(changes: readonly Change[], after: Tree): string {
    const style = styleOf(this.#text)
    const spliced = splicedYaml(this.#text, parsed(this.#text), changes, style)
    if (spliced !== undefined && says(spliced, after)) return spliced
    // Anchors, aliases, and what else cannot be changed in its place.
    const written = new YamlNodes(parsed(this.#text)).changed(changes, style)
    if (!says(written, after)) throw entangled()
    return this.#text.includes('\r\n') ? written.replaceAll('\n', '\r\n') : written
  }
}

function entangled(): ConfigError {
  return new ConfigError(
    'documentText(): operations of this document share parts by anchors or merge keys of YAML, so that they cannot be changed one by ' +
      'one. Write these parts out, or make an overlay with overlayOf().',
  )
}

function parsed(text: string): Document.Parsed {
  const document = parseDocument(text, { merge: true })
  const [error] = document.errors
  if (error !== undefined) throw error
  return document
}

function said(document: Document.Parsed): unknown {
  return document.toJS({ maxAliasCount: MOST_ALIASES })
}

function says(text: string, after: Tree): boolean {
  try {
    return isSame(said(parsed(text)), after)
  } catch {
    return false
  }
}

/** As many as a document of some size has; a text of a few lines cannot become gigabytes. */
const MOST_ALIASES = 10_000
