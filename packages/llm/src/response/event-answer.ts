import { createParser, type EventSourceParser } from 'eventsource-parser'
import { merged, type UsageSaid } from '../usage/usage.js'
import type { Answer, UsageReader } from './answer.js'
import { parsed } from './json-answer.js'
import { outputTokens } from './output-tokens.js'

/** Characters of one event; what is longer is passed on, but not read. */
const MOST = 2_097_152

/** Chunks without usage say `null` there, and need not be parsed. */
const HAS_USAGE = /"usage(?:Metadata)?":\s*\{/

/** An answer as a stream of events. */
export class EventAnswer implements Answer {
  usage: UsageSaid = {}
  writtenSince = 0
  model: string | undefined
  readonly #reader: UsageReader
  readonly #parser: EventSourceParser
  #isOver = false
  /** Events in which the model is still looked for. */
  #unnamed = 8

  constructor(reader: UsageReader) {
    this.#reader = reader
    this.#parser = createParser({
      maxBufferSize: MOST,
      onEvent: ({ data }) => this.#readEvent(data),
      onError: ({ type }) => {
        if (type === 'max-buffer-size-exceeded') this.#isOver = true
      },
    })
  }

  read(text: string): void {
    this.#parser.feed(text)
    if (!this.#isOver) return
    this.#isOver = false
    this.#parser.reset()
  }

  end(): void {
    // A server that has died may have left the last line without its end.
    this.read('\n\n')
  }

  #readEvent(data: string): void {
    const isFirst = this.model === undefined && this.#unnamed > 0
    const hasUsage = this.#reader.isOwn || (data.includes('"usage') && HAS_USAGE.test(data))
    const value = isFirst || hasUsage ? parsed(data) : undefined
    if (isFirst) {
      this.#unnamed--
      if (value !== undefined) this.model = this.#reader.answeredBy(value)
    }
    const said = hasUsage && value !== undefined ? this.#reader.usage(value) : undefined
    if (said !== undefined) this.usage = merged(this.usage, said)
    if (said?.outputTokens === undefined) this.writtenSince += outputTokens(data)
    else this.writtenSince = 0
  }
}
