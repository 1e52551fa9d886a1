import { ConfigError } from '@sluice/core'
import { optionalPackage, shown } from '@sluice/core/runtime'
import { heeded } from '../complaints.js'
import { textTokens } from './text-tokens.js'

/** How a text is counted: by the vocabulary of OpenAI's present models, or by a function that knows another. */
export type Tokenizer = 'o200k' | ((text: string) => number)

/** Counts texts in bounded time. */
export interface TextCounter {
  /** Whether it counts what the model will, rather than estimating it. */
  readonly isExact: boolean
  /** Tokens in all texts; it may stop once there are more than `most`. */
  count(texts: readonly string[], most: number): number | Promise<number>
}

/** @throws {ConfigError} where there is no such tokenizer. */
export function textCounter(tokenizer: Tokenizer | undefined): TextCounter {
  if (tokenizer === undefined) return ESTIMATE
  if (typeof tokenizer === 'function') return counting(tokenizer)
  if (tokenizer === 'o200k') return counting(o200k())
  throw new ConfigError(
    `tokenizer: expected 'o200k' or a function that counts the tokens of a text, got ${shown(tokenizer)}.`,
  )
}

const ESTIMATE: TextCounter = {
  isExact: false,
  count(texts) {
    let tokens = 0
    for (const text of texts) tokens += textTokens(text)
    return tokens
  },
}

interface GptTokenizer {
  countTokens(text: string, options: { readonly disallowedSpecial: ReadonlySet<string> }): number
}

/** Text such as `<|endoftext|>` is text. */
const PLAIN = { disallowedSpecial: new Set<string>() }

function o200k(): (text: string) => number {
  const found = optionalPackage('gpt-tokenizer/encoding/o200k_base', import.meta.url as string | undefined)
  if (found === undefined || found === false) {
    throw new ConfigError(
      "tokenizer: 'o200k' needs gpt-tokenizer, which cannot be found. Run: npm install gpt-tokenizer. In a bundle, give a " +
        'function: tokenizer: (text) => countTokens(text, { disallowedSpecial: new Set() }).',
    )
  }
  const { countTokens } = found as GptTokenizer
  return (text) => countTokens(text, PLAIN)
}

/** Tokenizers take a time that grows with the square of a word's length: a slice bounds it, at half a per cent more tokens. */
const SLICE = 1_024

/** Characters of a request that are counted; what is longer is as dense as these, by estimate. */
const MOST_COUNTED = 262_144

/** Milliseconds after which others have their turn, whoever counts. */
const TURN_MS = 2

function counting(tokensOf: (text: string) => number): TextCounter {
  return {
    isExact: true,
    count(texts, most) {
      const work = new Counting(texts, most, tokensOf)
      if (work.goOn(performance.now() + TURN_MS)) return work.tokens
      return new Promise((resolve, reject) => waitForTurn({ work, resolve, reject }))
    },
  }
}

/** A count that has not come to its end in its first turn. */
interface Waiting {
  readonly work: Counting
  readonly resolve: (tokens: number) => void
  readonly reject: (error: unknown) => void
}

/** All counts of the process share one turn. */
const line: Waiting[] = []

function waitForTurn(waiting: Waiting): void {
  line.push(waiting)
  if (line.length === 1) setImmediate(takeTurn)
}

function takeTurn(): void {
  const until = performance.now() + TURN_MS
  do {
    const [first] = line
    if (first === undefined) return
    try {
      if (!first.work.goOn(until)) break
      first.resolve(first.work.tokens)
    } catch (error) {
      first.reject(error)
    }
    line.shift()
  } while (performance.now() < until)
  // Nobody waits for the end of somebody's megabyte.
  const next = line.shift()
  if (next === undefined) return
  line.push(next)
  setImmediate(takeTurn)
}

/** A count under way, slice by slice. */
class Counting {
  readonly #texts: readonly string[]
  readonly #most: number
  readonly #tokensOf: (text: string) => number
  #tokens = 0
  #counted = 0
  #text = 0
  #from = 0

  constructor(texts: readonly string[], most: number, tokensOf: (text: string) => number) {
    this.#texts = texts
    this.#most = most
    this.#tokensOf = tokensOf
  }

  /** So far; and for what is not counted, as many as for what is. */
  get tokens(): number {
    const length = this.#texts.reduce((sum, text) => sum + text.length, 0)
    return this.#counted < MOST_COUNTED ? this.#tokens : Math.ceil((this.#tokens * length) / this.#counted)
  }

  /** Counts until that time; whether it is done. */
  goOn(until: number): boolean {
    do {
      const text = this.#texts[this.#text]
      if (text === undefined) return true
      const slice = text.slice(this.#from, this.#from + SLICE)
      if (slice !== '') this.#tokens += checkTokens(this.#tokensOf(slice))
      this.#counted += slice.length
      this.#from += SLICE
      if (this.#from >= text.length) {
        this.#text++
        this.#from = 0
      }
      if (this.#text === this.#texts.length || this.#tokens > this.#most || this.#counted >= MOST_COUNTED) return true
    } while (performance.now() < until)
    return false
  }
}

function checkTokens(tokens: unknown): number {
  if (typeof tokens === 'number' && Number.isSafeInteger(tokens) && tokens >= 0) return tokens
  heeded('tokenizer', tokens)
  throw new ConfigError(`tokenizer: expected a whole number of tokens ≥ 0, got ${shown(tokens)}.`)
}
