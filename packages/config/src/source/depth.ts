import { Lexer, Parser } from 'yaml'

/** A configuration needs about ten levels. */
export const DEEPEST = 100

/**
 * Where a YAML text nests more than `DEEPEST` levels. The composer of yaml is recursive, and a regular expression that is
 * compiled at the end of the stack ends the process; its lexer and parser are not.
 */
export function tooDeepAt(text: string): number | undefined {
  const parser = new Parser()
  for (const lexeme of new Lexer().lex(text)) {
    // The tokens themselves are of no interest: only how many are still open.
    Array.from(parser.next(lexeme))
    if (parser.stack.length > DEEPEST) return parser.offset
  }
  return undefined
}
