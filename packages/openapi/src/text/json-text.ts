import type { Tree } from '../document/tree.js'

/** A document as JSON, indented as `text` is, with its line breaks and the one at its end. */
export function jsonText(text: string, document: Tree): string {
  const indentation = /^\s*\{\r?\n([ \t]+)/.exec(text)?.[1]
  const written = `${JSON.stringify(document, null, indentation)}${/\n\s*$/.test(text) ? '\n' : ''}`
  return text.includes('\r\n') ? written.replaceAll('\n', '\r\n') : written
}
