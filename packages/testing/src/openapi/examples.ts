import { sample } from 'openapi-sampler'
import type { MockAnswer } from '../mock/answer.js'
import { isObject, resolved } from './read-document.js'

/**
 * The answer that an operation describes for success: its example, or one that is made of its schema. It is made when it is first
 * asked for, since a document may describe a thousand of them.
 */
export function exampleAnswer(document: object, operation: Readonly<Record<string, unknown>>): () => MockAnswer {
  const [status, response] = successOf(document, operation['responses'])
  let answer: MockAnswer | undefined
  return () => {
    answer ??= answerOf(document, status, response['content'])
    return answer
  }
}

function answerOf(document: object, status: number, content: unknown): MockAnswer {
  if (!isObject(content)) return { status }
  const type = Object.keys(content).find((name) => /\bjson\b/i.test(name)) ?? Object.keys(content)[0]
  const media = type === undefined ? undefined : resolved(document, content[type])
  if (type === undefined || !isObject(media)) return { status }
  const example = exampleOf(document, media)
  if (/^text\/event-stream\b/i.test(type)) {
    return { status, events: (Array.isArray(example) ? example : [example]).map(eventOf) }
  }
  const headers = { 'content-type': type }
  if (example === undefined) return { status, headers }
  const isText = typeof example === 'string' && !/\bjson\b/i.test(type)
  return { status, headers, body: isText ? example : JSON.stringify(example) }
}

/** The lowest status below 300; otherwise the default response, as 200. */
function successOf(document: object, responses: unknown): readonly [status: number, Readonly<Record<string, unknown>>] {
  const known = isObject(responses) ? responses : {}
  const [success] = Object.keys(known)
    .filter((status) => /^2(?:\d\d|XX)$/.test(status))
    .sort()
  const response = resolved(document, known[success ?? 'default'])
  const status = success === undefined || success === '2XX' ? 200 : Number(success)
  return [status, isObject(response) ? response : {}]
}

function exampleOf(document: object, media: Readonly<Record<string, unknown>>): unknown {
  if ('example' in media) return media['example']
  const { examples, schema } = media
  if (isObject(examples)) {
    const first = resolved(document, Object.values(examples)[0])
    if (isObject(first) && 'value' in first) return first['value']
  }
  return isObject(schema) ? sample(schema, { quiet: true, skipWriteOnly: true }, document) : undefined
}

function eventOf(value: unknown): string | object {
  return typeof value === 'object' && value !== null ? value : String(value)
}
