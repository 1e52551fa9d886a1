/** Where a text stops being JSON, and what could stand there instead. */
export interface JsonFault {
  readonly offset: number
  readonly expected: string
}

const SPACE = /[ \t\n\r]*/y
const TEXT = /"(?:[ !#-[\]-\u{10ffff}]+|\\(?:["\\/bfnrt]|u[\da-fA-F]{4}))*"/uy
const LITERAL = /(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)(?![\w.+-])/y

/** What may come next. */
type Next = 'value' | 'first item' | 'first key' | 'key' | 'colon' | 'more' | 'end'

const SENTENCES: Readonly<Record<Next, string>> = {
  value: 'a value (a text in double quotes, a number, true, false, null, { or [)',
  'first item': 'a value or ]',
  'first key': 'a key in double quotes or }',
  key: 'a key in double quotes',
  colon: 'a colon',
  more: 'a comma or the closing bracket',
  end: 'nothing more',
}

/** `undefined` for a text that is JSON (RFC 8259). JSON.parse alone often does not say where a text is wrong. */
export function jsonFault(text: string): JsonFault | undefined {
  const open: ('{' | '[')[] = []
  let next: Next = 'value'
  let offset = 0
  const skip = (token: RegExp): boolean => {
    token.lastIndex = offset
    const found = token.test(text)
    if (found) offset = token.lastIndex
    return found
  }
  const afterValue = (): Next => (open.length === 0 ? 'end' : 'more')
  while (skip(SPACE) && offset < text.length) {
    const mark = text[offset] ?? ''
    if (mark === closing(open) && (next === 'more' || next === 'first item' || next === 'first key')) {
      open.pop()
      offset += 1
      next = afterValue()
    } else if ((next === 'more' && mark === ',') || (next === 'colon' && mark === ':')) {
      offset += 1
      next = mark === ',' && open.at(-1) === '{' ? 'key' : 'value'
    } else if ((next === 'key' || next === 'first key') && skip(TEXT)) {
      next = 'colon'
    } else if ((next === 'value' || next === 'first item') && (mark === '{' || mark === '[')) {
      open.push(mark)
      offset += 1
      next = mark === '{' ? 'first key' : 'first item'
    } else if ((next === 'value' || next === 'first item') && (skip(TEXT) || skip(LITERAL))) {
      next = afterValue()
    } else return { offset, expected: SENTENCES[next] }
  }
  return next === 'end' ? undefined : { offset, expected: SENTENCES[next] }
}

function closing(open: readonly ('{' | '[')[]): string | undefined {
  const last = open.at(-1)
  if (last === undefined) return undefined
  return last === '{' ? '}' : ']'
}
