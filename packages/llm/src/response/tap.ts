import type { ResponseLike } from '@sluice/core/http'
import type { Answer, UsageReader } from './answer.js'
import { type Decoder, decoderOf, isText, plainDecoder } from './decoder.js'
import { EventAnswer } from './event-answer.js'
import { JsonAnswer } from './json-answer.js'
import type { WholeEvents } from './whole-events.js'

type Chunk = unknown
type Args = readonly unknown[]

/** The part of Node's ServerResponse, and of HTTP/2's, that bodies go through. */
interface BodyResponse extends ResponseLike {
  readonly writableNeedDrain?: boolean
  statusCode: number
  writeHead(status: number, ...rest: Args): unknown
  write(chunk: Chunk, ...rest: Args): boolean
  end(chunk?: Chunk, ...rest: Args): unknown
  destroy?(...args: Args): unknown
  getHeader(name: string): unknown
  removeHeader(name: string): unknown
}

/** Whoever wants to know what passes. */
export interface TapListener {
  /** A part of the body has passed. */
  passed(): void
  /** Nothing more comes, and all that came has been read; once. */
  ended(): void
}

/** Reads a copy of a response's body as it is sent. Whatever writes, writes through this. */
export class Tap {
  /** What the answer says; `undefined` for a body that cannot be read. */
  answer: Answer | undefined
  /** Whether the handler has given the response up. */
  isBroken = false
  /** Bytes of the body so far. */
  bytes = 0
  readonly #response: BodyResponse
  readonly #reader: UsageReader
  readonly #listener: TapListener
  /** Passes a stream's events one by one, where one is taken out or the stream may be cut. */
  #events: WholeEvents | undefined
  #decoder: Decoder | undefined
  #headers: Readonly<Record<string, string>> = {}
  #isBegun = false
  /** Inside `end`: HTTP/2 ends by a write. */
  #isEnding = false
  #isOver = false
  /** Whether what passes here is in a content coding, to which no text can be added. */
  isEncoded = false
  /** Whether the client has been told how long the body will be. */
  #hasLength = false
  readonly #methods: Pick<BodyResponse, 'write' | 'end'>

  /** @param events For streams that are not to pass as they come. */
  constructor(response: ResponseLike, reader: UsageReader, events: WholeEvents | undefined, listener: TapListener) {
    this.#response = response as unknown as BodyResponse
    this.#reader = reader
    this.#listener = listener
    this.#events = events
    const { writeHead, write, end, destroy } = this.#response
    this.#methods = { write, end }
    const tap = this
    this.#response.writeHead = function (this: BodyResponse, ...args) {
      return Reflect.apply(writeHead, this, tap.#noteHead(args))
    }
    if (destroy !== undefined) {
      this.#response.destroy = function (this: BodyResponse, ...args) {
        if (!tap.#isOver) tap.isBroken = true
        return Reflect.apply(destroy, this, args)
      }
    }
    this.#response.write = (chunk, ...rest) => tap.#write(chunk, rest)
    this.#response.end = (chunk, ...rest) => tap.#end(chunk, rest)
  }

  get status(): number {
    return this.#response.statusCode
  }

  get isStream(): boolean {
    return this.answer instanceof EventAnswer
  }

  /** Ends the response with this event instead of what would still come; where nothing can be added to it, in the middle. */
  cut(event: string): void {
    if (this.#isEnding || this.#isOver) return
    this.#isEnding = true
    const isWhole = this.#events?.isWhole !== false
    this.#events = undefined
    if (this.isEncoded || this.#hasLength) this.#response.destroy?.()
    else this.#call('end', [isWhole ? event : `\n\n${event}`])
    this.#response.write = (_chunk, ...rest) => {
      soon(rest)
      return true
    }
    this.#response.end = (...args) => {
      soon(args)
      return this.#response
    }
    this.finish()
  }

  /** Nothing more comes: what has come is read to its end. */
  finish(): void {
    if (this.#isOver) return
    this.#isOver = true
    const over = (isRead: boolean): void => {
      if (isRead) this.answer?.end()
      else this.answer = undefined
      this.#listener.ended()
    }
    if (this.#decoder === undefined) over(true)
    else this.#decoder.end(over)
  }

  #write(chunk: Chunk, rest: Args): boolean {
    const bytes = bytesOf(chunk, rest[0])
    if (this.#isEnding || this.#isOver || bytes.length === 0) return this.#call('write', [chunk, ...rest]) as boolean
    this.#begin(bytes)
    const kept = this.#pass(bytes)
    const callbacks = kept === bytes ? rest : rest.filter(isCallback)
    let answer: unknown
    if (kept.length > 0 || kept === bytes) {
      answer = this.#call('write', [kept === bytes ? chunk : kept, ...callbacks])
    } else {
      soon(callbacks)
      answer = this.#response.writableNeedDrain !== true
    }
    this.#listener.passed()
    return answer as boolean
  }

  #end(chunk: Chunk, rest: Args): unknown {
    if (this.#isEnding || this.#isOver) return this.#call('end', [chunk, ...rest])
    const isBody = chunk !== undefined && chunk !== null && !isCallback(chunk)
    const bytes = isBody ? bytesOf(chunk, rest[0]) : NOTHING
    this.#begin(bytes)
    const kept = this.#pass(bytes)
    const last = this.#events?.flush() ?? NOTHING
    const isSame = kept === bytes && last.length === 0
    this.#isEnding = true
    try {
      const body = last.length === 0 ? kept : Buffer.concat([kept, last])
      const answer = this.#call('end', isSame ? [chunk, ...rest] : [body, ...[chunk, ...rest].filter(isCallback)])
      this.finish()
      return answer
    } finally {
      // What `end` has refused is not over: an error handler may still answer.
      this.#isEnding = false
    }
  }

  /** What goes on of these bytes; the same where all do. */
  #pass(bytes: Buffer): Buffer {
    if (bytes.length === 0) return bytes
    this.bytes += bytes.length
    this.#decoder?.write(bytes)
    return this.#events === undefined ? bytes : this.#events.push(bytes)
  }

  /** At the first of the body, its header says how it is to be read. */
  #begin(bytes: Buffer): void {
    if (this.#isBegun || bytes.length === 0) return
    this.#isBegun = true
    const type = this.#header('content-type')
    const coding = this.#header('content-encoding').trim()
    this.isEncoded = coding !== '' && coding !== 'identity' && !isText(bytes)
    const isEvents = type.startsWith('text/event-stream')
    if (!isEvents || this.isEncoded) this.#events = undefined
    if (isEvents) this.answer = new EventAnswer(this.#reader)
    else if (/^application\/(?:[\w.+-]+\+)?json/.test(type)) this.answer = new JsonAnswer(this.#reader)
    const { answer } = this
    if (answer === undefined) return
    const read = (text: string): void => answer.read(text)
    this.#decoder = coding === '' || coding === 'identity' ? plainDecoder(read) : decoderOf(coding, read)
    if (this.#decoder === undefined) this.answer = undefined
    // What is taken out, or cut, makes it shorter than was announced.
    if (this.#events !== undefined && !this.#response.headersSent) this.#response.removeHeader('content-length')
    this.#hasLength = this.#header('content-length') !== ''
  }

  #header(name: string): string {
    return (this.#headers[name] ?? String(this.#response.getHeader(name) ?? '')).toLowerCase()
  }

  /** What is given to `writeHead` cannot be asked for afterwards. A length that may not hold is not announced. */
  #noteHead(args: Args): Args {
    const given = args.findLast((one) => typeof one === 'object' && one !== null)
    this.#headers = headersIn(given)
    if (this.#events === undefined || !this.#header('content-type').startsWith('text/event-stream')) return args
    this.#response.removeHeader('content-length')
    if (given === undefined) return args
    const others = withoutLength(given)
    this.#headers = headersIn(others)
    return args.map((one) => (one === given ? others : one))
  }

  #call(method: 'write' | 'end', args: Args): unknown {
    return Reflect.apply(this.#methods[method] as (...given: Args) => unknown, this.#response, args)
  }
}

const NOTHING: Buffer = Buffer.alloc(0)

function isCallback(value: unknown): boolean {
  return typeof value === 'function'
}

/** Calls back whoever waits for bytes that go nowhere. */
function soon(args: Args): void {
  for (const callback of args) if (typeof callback === 'function') process.nextTick(callback as () => void)
}

function bytesOf(chunk: Chunk, encoding: unknown): Buffer {
  if (Buffer.isBuffer(chunk)) return chunk
  if (typeof chunk === 'string') return Buffer.from(chunk, typeof encoding === 'string' ? (encoding as 'utf8') : 'utf8')
  if (ArrayBuffer.isView(chunk)) return Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
  return NOTHING
}

/** Those that are looked at, of an object or of an array: of names and values in turn, or of pairs. */
function headersIn(given: unknown): Readonly<Record<string, string>> {
  const found: Record<string, string> = {}
  const note = (name: unknown, value: unknown): void => {
    const lower = String(name).toLowerCase()
    if (LOOKED_AT.has(lower)) found[lower] = String(value)
  }
  if (Array.isArray(given)) {
    if (Array.isArray(given[0])) for (const [name, value] of given) note(name, value)
    else for (let i = 0; i < given.length; i += 2) note(given[i], given[i + 1])
  } else if (typeof given === 'object' && given !== null) {
    for (const name in given) note(name, (given as Readonly<Record<string, unknown>>)[name])
  }
  return found
}

const LOOKED_AT: ReadonlySet<string> = new Set(['content-type', 'content-encoding', 'content-length'])

function withoutLength(given: unknown): unknown {
  const isLength = (name: unknown): boolean => String(name).toLowerCase() === 'content-length'
  if (!Array.isArray(given)) {
    return Object.fromEntries(Object.entries(given as object).filter(([name]) => !isLength(name)))
  }
  if (Array.isArray(given[0])) return given.filter(([name]) => !isLength(name))
  return given.filter((_one, i) => !isLength(given[i - (i % 2)]))
}
