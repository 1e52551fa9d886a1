import { EventSourceParserStream } from 'eventsource-parser/stream'
import { FORMATS } from './formats/formats.js'

/** Asks one model after the other until one begins to answer. Once there is a first word, it is this one or none. */
export async function route({ asked, models, config, outbound, signal, log }) {
  const tried = []
  let last = { status: 503, message: 'No model can answer at the moment. Try again in a few seconds.' }
  for (const model of models) {
    const { provider } = config.models[model]
    const to = { name: provider, ...config.providers[provider] }
    const why = await outbound.closed(provider, to)
    if (why !== undefined) {
      tried.push(`${model} skipped (${why})`)
      continue
    }
    signal.throwIfAborted()
    const attempt = await begin({ asked, model, to, outbound, signal })
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
async function begin({ asked, model, to, outbound, signal }) {
  const format = FORMATS[to.format]
  const body = format.ask(asked, model)
  let response
  try {
    response = await outbound.send(to.name, to, format.path, body, { format, signal })
    if (!response.ok) return refused(response.status, await response.text())
  } catch {
    return { status: 502, message: 'The provider could not be reached.' }
  }
  try {
    if (!asked.stream) return { answer: format.answer(await response.json()) }
    const parts = partsOf(response, format)
    const first = await parts.next()
    if (!first.done && first.value.error === undefined) return { answer: { first: first.value, rest: parts } }
  } catch {
    // It broke off, or is in no form that it should have.
  }
  return { status: 502, message: "The provider's answer could not be read." }
}

/** Only what is wrong with the request is told on: another model would refuse it, too. */
function refused(status, text) {
  const isRequests = status === 400 || status === 413 || status === 422
  if (isRequests) return { status: 400, isFinal: true, message: messageIn(text) }
  return { status: status === 429 || status >= 500 ? status : 502, message: 'The provider could not answer.' }
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
    const { message } = JSON.parse(text).error
    if (typeof message === 'string') return message.slice(0, 500)
  } catch {
    // It says nothing that can be told on.
  }
  return 'The provider refuses this request.'
}
