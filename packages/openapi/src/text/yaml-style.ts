import type { ToStringOptions } from 'yaml'

/** How a text in YAML is indented and quoted. */
export function styleOf(text: string): ToStringOptions {
  const indent = /^[^\s#].*:\s*(?:#.*)?\r?\n(?:\s*#.*\r?\n|\s*\r?\n)*( +)(?![ -])/m.exec(text)?.[1]?.length ?? 2
  const hasFlatLists = /^( *)[^\s#-].*:\s*\r?\n\1- /m.test(text)
  return {
    lineWidth: 0,
    indent: Math.min(indent, 8),
    indentSeq: !hasFlatLists,
    singleQuote: count(text, /: '/g) >= count(text, /: "/g),
    flowCollectionPadding: count(text, /\{ /g) >= count(text, /\{[^\s}]/g),
  }
}

function count(text: string, pattern: RegExp): number {
  return text.match(pattern)?.length ?? 0
}
