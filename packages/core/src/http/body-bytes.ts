import type { ResponseLike } from './connection.js'

type Chunk = unknown
type Rest = readonly unknown[]

/** What a body goes through, in Node's ServerResponse and in HTTP/2's. */
interface BodyWriter {
  write(chunk: Chunk, ...rest: Rest): unknown
  end(chunk?: Chunk, ...rest: Rest): unknown
  readonly writableLength?: number
  readonly statusCode: number
  readonly _header?: unknown
  readonly socket?: Wire | null | undefined
  readonly stream?: { readonly writableLength?: number } | undefined
  readonly req?: { readonly method?: string | undefined; readonly socket?: Wire | null | undefined } | undefined
  once?(event: 'socket', listener: (socket: Wire) => void): unknown
}

/** The part of a connection that counts what goes through it. */
interface Wire {
  readonly bytesWritten?: number
  readonly writableLength?: number
}

/**
 * Counts the bytes of a response's body as they are sent, compressed where they are; from now on. The function returned
 * says how many have left this process, without those that wait for a client that is gone.
 */
export function countBody(response: ResponseLike): () => number {
  const writer = response as unknown as BodyWriter
  const count = Object.hasOwn(writer, 'write') ? countOnWire(writer) : countWrites(writer)
  return () => (isWithoutBody(writer) ? 0 : Math.max(0, count() - pendingIn(writer)))
}

/** Whatever writes through the response from now on, as compression that comes later does, writes through this. */
function countWrites(writer: BodyWriter): () => number {
  let bytes = 0
  const { write, end } = writer
  writer.write = function (this: BodyWriter, chunk, ...rest) {
    const length = lengthOf(chunk, rest[0])
    const answer = Reflect.apply(write, this, [chunk, ...rest])
    bytes += length
    return answer
  }
  writer.end = function (this: BodyWriter, ...args) {
    // Node ends with its own write, which is not counted above: `end` calls the one that it finds inside.
    const length = typeof args[0] === 'function' ? 0 : lengthOf(args[0], args[1])
    const before = bytes
    const answer = Reflect.apply(end, this, args)
    if (bytes === before) bytes += length
    return answer
  }
  return () => bytes
}

/**
 * Where somebody else has taken the response's `write` already, as compression that came first does: what goes through the
 * connection, but for the header. Of a chunked body, each chunk counts some eight bytes more than it has.
 */
function countOnWire(writer: BodyWriter): () => number {
  let wire = writer.socket ?? undefined
  let from = wire?.bytesWritten ?? 0
  // A pipelined response gets the connection when those before it have been sent.
  if (wire === undefined) {
    writer.once?.('socket', (socket) => {
      wire = socket
      from = socket.bytesWritten ?? 0
    })
  }
  return () => {
    const header = typeof writer._header === 'string' ? writer._header.length : 0
    return wire === undefined ? 0 : (wire.bytesWritten ?? 0) - from - header
  }
}

function isWithoutBody({ req, statusCode }: BodyWriter): boolean {
  return req?.method === 'HEAD' || statusCode === 204 || statusCode === 304
}

/** What was written, but has not left. */
function pendingIn({ stream, writableLength = 0, req, socket }: BodyWriter): number {
  if (stream !== undefined) return stream.writableLength ?? 0
  return writableLength + ((socket ?? req?.socket)?.writableLength ?? 0)
}

interface Bytes {
  byteLength(text: string, encoding?: string): number
}

function lengthOf(chunk: Chunk, encoding: unknown): number {
  if (typeof chunk === 'string') {
    const { Buffer: bytes } = globalThis as { Buffer?: Bytes }
    return bytes?.byteLength(chunk, typeof encoding === 'string' ? encoding : 'utf8') ?? chunk.length
  }
  if (typeof chunk !== 'object' || chunk === null || !('byteLength' in chunk)) return 0
  return Number(chunk.byteLength)
}
