import type { ResponseLike } from '@sluice/core/http'
import type { Answer, UsageReader } from './answer.js'
import { type Decoder, decoderOf } from './decoder.js'
import { EventAnswer } from './event-answer.js'
import { JsonAnswer } from './json-answer.js'
import { StripUsage } from './strip-usage.js'

type Chunk = unknown
type Args = readonly unknown[]

/** The part of Node's ServerResponse, and of HTTP/2's, that bodies go through. */
interface BodyResponse extends ResponseLike {
  readonly writableNeedDrain?: boolean
  statusCode: number
  writeHead(status: number, ...rest: Args): unknown
  write(chunk: Chunk, ...rest: Args): boolean
  end(chunk?: Chunk, ...rest: Args): unknown
  getHeader(name: string): unknown
  setHeader(name: string, value: string): unknown
}

/** Whoever wants to know what passes. */
export interface TapListener {
  /** A part of the body has passed. */
  passed(): void
  /** The handler has ended the response, and all of it has been read. */
  ended(): void
}

/** Reads a copy of a response's body as it is sent. Whatever writes, writes through this. */
export class Tap {
  /** What the answer says; `undefined` for a body that cannot be read. */
  answer: Answer | undefined
  /** Bytes of the body so far. */
  bytes = 0
  readonly #response: BodyResponse
  readonly #reader: UsageReader
  readonly #listener: TapListener
  #strip: StripUsage | undefined
  #decoder: Decoder | undefined
  #headers: Readonly<Record<string, string>> = {}
  #isBegun = false
  #isEnding = false
  readonly #methods: Pick<BodyResponse, 'write' | 'end'>

  /** @param strips Whether the chunk that has nothing but usage is taken out of a stream. */
  constructor(response: ResponseLike, reader: UsageReader, strips: boolean, listener: TapListener) {
    this.#response = response as unknown as BodyResponse
    this.#reader = reader
    this.#listener = listener
    this.#strip = strips ? new StripUsage() : undefined
    const { writeHead, write, end } = this.#response
    this.#methods = { write, end }
    const tap = this
    this.#response.writeHead = function (this: BodyResponse, ...args) {
      tap.#noteHead(args)
      return Reflect.apply(writeHead, this, args)
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

  /** Sends this instead of whatever would still come, and ends the response. */
  cut(last: string): void {
    if (this.#isEnding) return
    this.#isEnding = true
    this.#strip = undefined
    this.#call('end', [last])
    this.#response.write = () => false
    this.#response.end = () => this.#response
    this.#finish()
  }

  #write(chunk: Chunk, rest: Args): boolean {
    // HTTP/2 ends by a write.
    if (this.#isEnding) return this.#call('write', [chunk, ...rest]) as boolean
    const bytes = bytesOf(chunk, rest[0])
    this.#begin(bytes.length > 0, false)
    const kept = this.#pass(bytes)
    if (kept === bytes) return this.#passed(this.#call('write', [chunk, ...rest]) as boolean)
    const callback = rest.findLast((one) => typeof one === 'function')
    if (kept.length > 0) return this.#passed(this.#call('write', callback ? [kept, callback] : [kept]) as boolean)
    if (typeof callback === 'function') process.nextTick(callback as () => void)
    return this.#passed(this.#response.writableNeedDrain !== true)
  }

  #end(chunk: Chunk, rest: Args): unknown {
    if (this.#isEnding) return this.#call('end', [chunk, ...rest])
    const isBody = chunk !== undefined && chunk !== null && typeof chunk !== 'function'
    const bytes = isBody ? bytesOf(chunk, rest[0]) : NOTHING
    this.#begin(isBody, true)
    this.#isEnding = true
    const kept = this.#pass(bytes)
    const last = this.#strip?.flush() ?? NOTHING
    const isSame = kept === bytes && last.length === 0
    const args = isSame ? [chunk, ...rest] : [this.#resized(kept, last), ...[chunk, ...rest].filter(isCallback)]
    const answer = this.#call('end', args)
    this.#finish()
    return answer
  }

  /** A body that was announced at its full length is announced again, where that can still be done. */
  #resized(kept: Buffer, last: Buffer): Buffer {
    const body = last.length === 0 ? kept : Buffer.concat([kept, last])
    if (!this.#response.headersSent && this.#response.getHeader('content-length') !== undefined) {
      this.#response.setHeader('Content-Length', String(body.length))
    }
    return body
  }

  #passed(answer: boolean): boolean {
    this.#listener.passed()
    return answer
  }

  /** What goes on of these bytes; the same where all do. */
  #pass(bytes: Buffer): Buffer {
    this.bytes += bytes.length
    this.#decoder?.write(bytes)
    return this.#strip === undefined ? bytes : this.#strip.push(bytes)
  }

  /** At the first of the body, its header says how it is to be read. */
  #begin(hasBody: boolean, isWhole: boolean): void {
    if (this.#isBegun || !hasBody) return
    this.#isBegun = true
    const type = this.#header('content-type')
    const encoding = this.#header('content-encoding').trim()
    const isEvents = type.startsWith('text/event-stream')
    const isResizable = this.#header('content-length') === '' || (isWhole && !this.#response.headersSent)
    if (!isEvents || encoding !== '' || !isResizable) this.#strip = undefined
    if (isEvents) this.answer = new EventAnswer(this.#reader)
    else if (/^application\/(?:[\w.+-]+\+)?json/.test(type)) this.answer = new JsonAnswer(this.#reader)
    const { answer } = this
    this.#decoder = answer && decoderOf(encoding, (text) => answer.read(text))
    if (this.#decoder === undefined) this.answer = undefined
  }

  #header(name: string): string {
    return (this.#headers[name] ?? String(this.#response.getHeader(name) ?? '')).toLowerCase()
  }

  /** What is given to `writeHead` cannot be asked for afterwards. */
  #noteHead(args: Args): void {
    this.#headers = headersIn(args.findLast((one) => typeof one === 'object' && one !== null))
  }

  #finish(): void {
    const over = (): void => {
      this.answer?.end()
      this.#listener.ended()
    }
    if (this.#decoder === undefined) over()
    else this.#decoder.end(over)
  }

  #call(method: 'write' | 'end', args: Args): unknown {
    return Reflect.apply(this.#methods[method] as (...given: Args) => unknown, this.#response, args)
  }
}

const NOTHING: Buffer = Buffer.alloc(0)

function isCallback(value: unknown): boolean {
  return typeof value === 'function'
}

function bytesOf(chunk: Chunk, encoding: unknown): Buffer {
  if (Buffer.isBuffer(chunk)) return chunk
  if (typeof chunk === 'string') return Buffer.from(chunk, typeof encoding === 'string' ? (encoding as 'utf8') : 'utf8')
  if (ArrayBuffer.isView(chunk)) return Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
  return NOTHING
}

/** An object, or an array: of names and values in turn, or of pairs. */
function headersIn(given: unknown): Readonly<Record<string, string>> {
  if (typeof given !== 'object' || given === null) return {}
  if (!Array.isArray(given)) return named(Object.entries(given))
  if (Array.isArray(given[0])) return named(given as [string, unknown][])
  return named(given.flatMap((name, i) => (i % 2 === 0 ? [[String(name), given[i + 1]] as const] : [])))
}

function named(pairs: readonly (readonly [string, unknown])[]): Readonly<Record<string, string>> {
  return Object.fromEntries(pairs.map(([name, value]) => [name.toLowerCase(), String(value)]))
}
