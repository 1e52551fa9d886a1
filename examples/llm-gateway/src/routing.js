import { EventSourceParserStream } from 'eventsource-parser/stream'
import { anthropic } from './formats/anthropic.js'
import { openai } from './formats/openai.js'

export const FORMATS = { openai, anthropic }

/** Asks one model after the other until one begins to answer. Once there is a first word, it is this one or none. */
export async function route({ asked, models, config, outbound, signal, log }) {
  const tried = []
  let last = { status: 503, message: 'No model can answer at the moment. Try again in a few seconds.' }
  for (const model of models) {
    const { provider } = config.models[model]
    const format = FORMATS[config.providers[provider].format]
    const why = await outbound.closed(provider)
    if (why !== undefined) {
      tried.push(`${model} skipped (${why})`)
      continue
    }
    signal.throwIfAborted()
    const attempt = await begin({ asked, model, provider, format, outbound, signal })
    if (attempt.answer !== undefined) return { ...attempt, model, provider, tried }
    signal.throwIfAborted()
    last = attempt
    tried.push(`${model} failed (${attempt.status})`)
    log({ event: 'fallback', model, provider, status: attempt.status })
    // Another model would refuse what is wrong with the request, too.
    if (attempt.isFinal) break
  }
  return { failed: last, tried }
}

/** One model's answer from its first word on, or what went wrong before it. */
async function begin({ asked, model, provider, format, outbound, signal }) {
  let response
  try {
    response = await outbound.send(provider, format.path, format.ask(asked, model), { format, signal })
    if (!response.ok) {
      const text = await response.text()
      const isFinal = response.status < 500 && response.status !== 429 && response.status !== 408
      return { status: response.status, isFinal, message: messageIn(text) }
    }
    if (!asked.stream) return { answer: format.answer(await response.json()) }
    const parts = partsOf(response, format)
    const first = await parts.next()
    if (first.done) return { status: 502, message: 'The provider ended its answer before it began.' }
    if (first.value.error !== undefined) return { status: 502, message: first.value.error }
    return { answer: { first: first.value, rest: parts } }
  } catch (error) {
    return { status: 502, message: `The provider could not be reached: ${error.message}` }
  }
}

/** The parts of a stream; one that breaks off, or ends without its end mark, has failed. */
async function* partsOf(response, format) {
  const events = response.body.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream())
  try {
    for await (const event of events) {
      const part = format.event(event)
      if (part.isDone) return
      yield part
      if (part.error !== undefined) return
    }
  } catch {
    // The connection has broken, or an event is none of this format's.
  }
  yield { error: 'The provider ended its answer in the middle.' }
}

function messageIn(text) {
  try {
    return JSON.parse(text).error.message
  } catch {
    return 'The provider failed.'
  }
}
