import { noteWhenClosed, type StreamLike } from './silent-streams.js'

/** The part of Node's ServerResponse, and of HTTP/2's, that a guard watches. */
export interface ResponseLike {
  readonly statusCode: number
  readonly headersSent: boolean
  readonly writableEnded: boolean
  readonly destroyed?: boolean
  readonly closed?: boolean
  /** The stream of a response over HTTP/2. */
  readonly stream?: StreamLike | undefined
  readonly req?: { readonly socket?: SocketLike | null | undefined } | undefined
  once(event: 'finish' | 'close', listener: () => void): unknown
  removeListener(event: 'finish' | 'close', listener: () => void): unknown
}

/** The part of a connection that a guard watches. Over HTTP/2 it is a stand-in that cannot be listened to. */
interface SocketLike {
  readonly destroyed?: boolean
  once?(event: 'close', listener: () => void): unknown
}

/**
 * Whether there is nobody left to answer. A pipelined request has no connection of its own until its turn has come, so
 * the request's is looked at.
 */
export function isGone(response: ResponseLike): boolean {
  const { stream } = response
  if (stream !== undefined) return stream.destroyed || stream.aborted || stream.closed === true
  return response.destroyed === true || response.closed === true || response.req?.socket?.destroyed === true
}

/** Whether somebody else has answered already. */
export function isSent(response: ResponseLike): boolean {
  return response.headersSent
}

/** Calls back once, when the response has been sent or can no longer be, and says whether it was delivered. */
export function whenOver(response: ResponseLike, callback: (delivered: boolean) => void): void {
  const finished = (): void => {
    response.removeListener('close', closed)
    callback(wasDelivered(response))
  }
  const closed = (): void => {
    response.removeListener('finish', finished)
    callback(false)
  }
  response.once('finish', finished)
  response.once('close', closed)
}

/** Over HTTP/2 a stream that the client has reset emits `finish` as well. */
function wasDelivered(response: ResponseLike): boolean {
  const { stream } = response
  if (stream !== undefined) return response.writableEnded && !stream.aborted && (stream.rstCode ?? 0) === 0
  return !isGone(response)
}

/**
 * Calls back once, when the response has been sent, can no longer be, or its connection has closed: also that of a response
 * that a handler has hijacked, or whose connection it has upgraded.
 */
export function whenEnded(response: ResponseLike, callback: (delivered: boolean) => void): void {
  const finished = (): void => {
    stopWatching()
    callback(wasDelivered(response))
  }
  const stopWatching = whenGone(response, () => {
    response.removeListener('finish', finished)
    stopWatching()
    callback(false)
  })
  response.once('finish', finished)
}

/** Calls back when the client leaves. Returns a function that stops watching. */
export function whenGone(response: ResponseLike, callback: () => void): () => void {
  response.once('close', callback)
  const { stream } = response
  const forget = stream === undefined ? whenSocketCloses(response, callback) : noteWhenClosed(stream, callback)
  return () => {
    response.removeListener('close', callback)
    forget?.()
  }
}

function whenSocketCloses({ req }: ResponseLike, callback: () => void): (() => void) | undefined {
  const socket = req?.socket
  const watchers = socket === undefined || socket === null ? undefined : watchersOf(socket)
  watchers?.add(callback)
  return watchers && (() => watchers.delete(callback))
}

const watched = new WeakMap<SocketLike, Set<() => void>>()

/** One listener per connection, however many pipelined requests wait on it. */
function watchersOf(socket: SocketLike): Set<() => void> | undefined {
  const known = watched.get(socket)
  if (known !== undefined || typeof socket.once !== 'function') return known
  const watchers = new Set<() => void>()
  watched.set(socket, watchers)
  socket.once('close', () => {
    for (const watcher of [...watchers]) watcher()
  })
  return watchers
}
