import { merged, type UsageSaid } from '../usage/usage.js'
import type { Answer, UsageReader } from './answer.js'
import { outputTokens } from './output-tokens.js'

/** Characters of an answer that are kept whole; of a longer one, as thousands of embeddings are, no more than its end. */
const MOST = 1_048_576
const END = 65_536

/** An answer in one piece. */
export class JsonAnswer implements Answer {
  usage: UsageSaid = {}
  writtenSince = 0
  model: string | undefined
  readonly #reader: UsageReader
  #parts: string[] = []
  #length = 0
  #isCut = false
  /** Of what was not kept, where the answer does not say how many: a token for four characters. */
  #droppedTokens = 0

  constructor(reader: UsageReader) {
    this.#reader = reader
  }

  read(text: string): void {
    this.#parts.push(text)
    this.#length += text.length
    if (this.#length <= MOST) return
    this.#isCut = true
    const all = this.#parts.join('')
    const end = all.slice(-END)
    this.#droppedTokens += (all.length - end.length) / 4
    this.#parts = [end]
    this.#length = end.length
  }

  end(): void {
    const text = this.#parts.join('')
    this.#parts = []
    const data = this.#isCut ? lastMembers(text) : parsed(text)
    if (data === undefined) {
      this.writtenSince =
        Math.ceil(this.#droppedTokens) + (this.#isCut ? Math.ceil(text.length / 4) : outputTokens(text))
      return
    }
    const said = this.#reader.usage(data)
    this.model = this.#reader.answeredBy(data)
    if (said !== undefined) this.usage = merged(this.usage, said)
    if (said?.outputTokens === undefined) this.writtenSince = outputTokens(text)
  }
}

/** What remains of an object from its usage on: only where that is a member of the whole does it parse up to the last brace. */
function lastMembers(text: string): unknown {
  for (const name of ['"usage":', '"usageMetadata":']) {
    const at = text.lastIndexOf(name)
    const data = at === -1 ? undefined : parsed(`{${text.slice(at)}`)
    if (data !== undefined) return data
  }
  return undefined
}

const BOM = 0xfeff

export function parsed(text: string): unknown {
  try {
    return JSON.parse(text.charCodeAt(0) === BOM ? text.slice(1) : text)
  } catch {
    return undefined
  }
}
