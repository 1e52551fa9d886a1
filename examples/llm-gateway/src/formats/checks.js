/** A request that this gateway does not understand, or could only pass on without a part of it. */
export class BadRequest extends Error {
  status = 400
}

/** What is not passed on is refused: an answer without it would be to another question. */
export function onlyKnown(body, known) {
  if (typeof body !== 'object' || body === null || !Array.isArray(body.messages) || body.messages.length === 0) {
    throw new BadRequest('messages: expected a list of messages.')
  }
  for (const [name, value] of Object.entries(body)) {
    if (!known.includes(name) && value !== null) throw new BadRequest(`${name}: this gateway does not pass it on.`)
  }
}

/** Text alone: a string, or parts of text. */
export function textOf({ role, content }) {
  if (typeof content === 'string') return content
  if (Array.isArray(content) && content.every((part) => part?.type === 'text' && typeof part.text === 'string')) {
    return content.map(({ text }) => text).join('')
  }
  throw new BadRequest(
    `messages: this gateway passes on text only, and the content of a message of ${JSON.stringify(role)} is more.`,
  )
}

export function strings(name, value) {
  const list = [value ?? []].flat()
  if (list.every((one) => typeof one === 'string')) return list
  throw new BadRequest(`${name}: expected a text or several.`)
}
