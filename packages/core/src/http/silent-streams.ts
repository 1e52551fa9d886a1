/** The part of an HTTP/2 stream that a guard watches. */
export interface StreamLike {
  readonly aborted: boolean
  readonly destroyed: boolean
  readonly closed?: boolean
  readonly rstCode?: number
}

const SWEEP_MS = 1_000

interface Watched {
  readonly stream: StreamLike
  readonly callback: () => void
  /** Whether it was closed at the last sweep: until then it has had no time to say so. */
  wasClosed: boolean
}

const watched = new Set<Watched>()
let timer: ReturnType<typeof setTimeout> | undefined

/**
 * Calls back once a stream has been closed for a while without an event of its own: if the connection is reset while the last data
 * is being written, Node.js 20 notices neither the reset nor the end of the write, and the stream never emits `close`.
 * Returns a function that stops watching.
 */
export function noteWhenClosed(stream: StreamLike, callback: () => void): () => void {
  const one = { stream, callback, wasClosed: false }
  watched.add(one)
  if (timer === undefined) sweepLater()
  return () => watched.delete(one)
}

function sweepLater(): void {
  timer = setTimeout(sweep, SWEEP_MS)
  if (typeof timer === 'object') timer.unref()
}

function sweep(): void {
  timer = undefined
  for (const one of [...watched]) {
    if (one.stream.closed !== true) continue
    if (one.wasClosed) {
      watched.delete(one)
      one.callback()
    } else one.wasClosed = true
  }
  if (watched.size > 0) sweepLater()
}
