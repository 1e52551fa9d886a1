import { textTokens } from '../estimate/text-tokens.js'

/** Where answers have what their models wrote: content, tool calls, reasoning. */
const WRITTEN = /"(?:content|text|delta|arguments|partial_json|thinking|reasoning_content|refusal)":\s*"/g

/** Events of the Responses API that repeat what others have said. */
const REPEATED = /^\s*\{"type":\s*"response\.(?!.*\.delta")[^"]*"/

/** About as many tokens as a model wrote of a part of an answer, without parsing it. */
export function outputTokens(json: string): number {
  if (REPEATED.test(json)) return 0
  let tokens = 0
  WRITTEN.lastIndex = 0
  while (WRITTEN.exec(json) !== null) {
    const end = endOfString(json, WRITTEN.lastIndex)
    tokens += textTokens(unescaped(json.slice(WRITTEN.lastIndex, end)))
    WRITTEN.lastIndex = end
  }
  return tokens
}

/** Of a string of JSON that begins at `from`: where its closing quote is. */
function endOfString(json: string, from: number): number {
  for (let quote = json.indexOf('"', from); quote !== -1; quote = json.indexOf('"', quote + 1)) {
    let backslashes = 0
    while (json.charCodeAt(quote - 1 - backslashes) === BACKSLASH) backslashes++
    if (backslashes % 2 === 0) return quote
  }
  return json.length
}

const BACKSLASH = 92

function unescaped(text: string): string {
  if (!text.includes('\\')) return text
  try {
    return JSON.parse(`"${text}"`)
  } catch {
    return text
  }
}
