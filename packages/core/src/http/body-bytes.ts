import type { ResponseLike } from './connection.js'

type Chunk = unknown
type Rest = readonly unknown[]

/** What a body goes through: Node's ServerResponse, or the stream of a response over HTTP/2. */
interface BodyWriter {
  write(chunk: Chunk, ...rest: Rest): unknown
  end(chunk?: Chunk, ...rest: Rest): unknown
}

/** Node's ServerResponse, and HTTP/2's. */
interface BodyResponse extends BodyWriter {
  readonly statusCode: number
  readonly _header?: unknown
  readonly socket?: Wire | null | undefined
  readonly stream?: BodyWriter | undefined
  readonly req?: { readonly method?: string | undefined } | undefined
  once?(event: 'socket', listener: (socket: Wire) => void): unknown
  prependOnceListener?(event: 'finish', listener: () => void): unknown
}

/** The part of a connection that counts what goes through it. */
interface Wire {
  readonly bytesWritten?: number
}

/** One count for each response, however many limits it has. */
const counts = new WeakMap<ResponseLike, () => number>()

/**
 * Counts the bytes of a response's body as they are sent, compressed where they are; from now on. The function returned
 * says how many were written. Of a response that is aborted, what had left this process cannot be told from what waits
 * for the client: all of it counts, or a client could have it all but the end for nothing.
 */
export function countBody(response: ResponseLike): () => number {
  const known = counts.get(response)
  const count = known ?? countOf(response as unknown as BodyResponse)
  if (known === undefined) counts.set(response, count)
  const from = count()
  return () => (isWithoutBody(response as unknown as BodyResponse) ? 0 : Math.max(0, count() - from))
}

/** Over HTTP/2, all that is written through the response, or past it, goes through its stream. */
function countOf(response: BodyResponse): () => number {
  if (response.stream !== undefined) return countWrites(response.stream)
  return Object.hasOwn(response, 'write') ? countOnWire(response) : countWrites(response)
}

/** Whatever writes from now on, as compression that comes later does, writes through this. */
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
function countOnWire(response: BodyResponse): () => number {
  let wire = response.socket ?? undefined
  let from = wire?.bytesWritten ?? 0
  let all: number | undefined
  // A pipelined response gets the connection when those before it have been sent.
  if (wire === undefined) {
    response.once?.('socket', (socket) => {
      wire = socket
      from = socket.bytesWritten ?? 0
    })
  }
  const sent = (): number => {
    const header = typeof response._header === 'string' ? response._header.length : 0
    return wire === undefined ? 0 : Math.max(0, (wire.bytesWritten ?? 0) - from - header)
  }
  // Ahead of Node's own listener, which hands the connection on to the next response.
  response.prependOnceListener?.('finish', () => {
    all = sent()
  })
  return () => all ?? sent()
}

function isWithoutBody({ req, statusCode }: BodyResponse): boolean {
  return req?.method === 'HEAD' || statusCode === 204 || statusCode === 304
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
