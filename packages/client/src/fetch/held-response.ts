import { ignore } from '../call/defuse.js'
import { whenAborted } from '../call/signal-hub.js'

/**
 * A response that says when its body is done with: read to its end, cancelled, failed, aborted, or collected unread. It stays the
 * response that `fetch` made, with another prototype: to make a new one would lose its URL and cost more than all layers.
 */

/** Bytes of a body that nobody has begun to read, and that is read ahead. */
const READ_AHEAD_BYTES = 1_048_576

const HOLD = Symbol('hold')
const BODY = Symbol('body')

interface HeldResponse extends Response {
  readonly [HOLD]: Hold
  /** The body as it was handed out. */
  [BODY]?: ReadableStream<Uint8Array> | undefined
}

/**
 * Calls back, once, when the body of a response is done with.
 * @returns the response, and a function that ends its body with a reason: whoever reads it learns of it at once. Of a response that is
 * held already, it ends that body alone; otherwise its copies too.
 */
export function holdResponse(
  response: Response,
  release: () => void,
): { readonly response: Response; readonly abort: (reason: unknown) => void } {
  if (HOLD in response) {
    const { [HOLD]: known } = response as HeldResponse
    known.whenReleased(release)
    const ref = new WeakRef(known)
    return { response, abort: (reason) => ref.deref()?.end(reason) }
  }
  const { body } = response
  if (body === null || body === undefined || !Object.isExtensible(response)) {
    release()
    return { response, abort: ignore }
  }
  if (typeof body.getReader !== 'function') {
    whenStreamEnds(body, release)
    return { response, abort: ignore }
  }
  const once = new Once(release)
  const hold = new Hold(once)
  ;(response as { [HOLD]?: Hold })[HOLD] = hold
  Object.setPrototypeOf(response, prototypeFor(Object.getPrototypeOf(response)))
  lookAtLater(response as HeldResponse, once)
  // Whoever could abort a body does not keep it.
  const ref = new WeakRef(hold)
  return { response, abort: (reason) => ref.deref()?.abort(reason) }
}

/** As `holdResponse`, for a response whose body also ends when a signal is aborted, which calls back then. */
export function holdWithSignal(
  response: Response,
  signal: AbortSignal,
  release: () => void,
  aborted: () => void,
): Response {
  let isReleased = false
  let stopWatching: (() => void) | undefined
  const held = holdResponse(response, () => {
    isReleased = true
    stopWatching?.()
    release()
  })
  if (!isReleased) {
    stopWatching = whenAborted(signal, () => {
      aborted()
      held.abort(signal.reason)
    })
  }
  return held.response
}

/** Gives back what a response holds. It knows nothing of the response, so that one that is dropped can be collected. */
class Once {
  readonly #releases: (() => void)[]
  isDone = false

  constructor(release: () => void) {
    this.#releases = [release]
  }

  add(release: () => void): void {
    if (this.isDone) release()
    else this.#releases.push(release)
  }

  readonly release = (): void => {
    if (this.isDone) return
    this.isDone = true
    if (!fresh.delete(this)) unread?.unregister(this)
    for (const release of this.#releases) release()
  }
}

/** What becomes of one body. */
class Hold {
  readonly #once: Once
  /** Of those who read it, and of its copies. */
  readonly #ends: ((reason: unknown) => void)[] = []
  readonly #aborts: ((reason: unknown) => void)[] = []
  readonly release: () => void
  isAborted = false
  reason: unknown
  /** Whether the body is being read as a stream. */
  isPulled = false

  constructor(once: Once) {
    this.#once = once
    this.release = once.release
  }

  get isReleased(): boolean {
    return this.#once.isDone
  }

  whenReleased(callback: () => void): void {
    this.#once.add(callback)
  }

  /** Ends this body and its copies. */
  abort(reason: unknown): void {
    this.end(reason)
    for (const abort of this.#aborts.splice(0)) abort(reason)
    this.release()
  }

  /** Ends this body, and none of its copies. */
  end(reason: unknown): void {
    if (this.isAborted) return
    this.isAborted = true
    this.reason = reason
    for (const end of this.#ends.splice(0)) end(reason)
  }

  /** What is read, unless it is aborted before. */
  reading<T>(read: Promise<T>): Promise<T> {
    if (this.isAborted) {
      read.catch(ignore)
      return Promise.reject(this.reason)
    }
    return new Promise((resolve, reject) => {
      this.whenEnded(reject)
      read.then(resolve, reject)
      read.then(this.release, this.release)
    })
  }

  whenEnded(end: (reason: unknown) => void): void {
    this.#ends.push(end)
  }

  whenAborted(abort: (reason: unknown) => void): void {
    this.#aborts.push(abort)
  }
}

/** Whoever drops a response unread gives back what it holds when it is collected. */
const unread =
  typeof FinalizationRegistry === 'undefined' ? undefined : new FinalizationRegistry<Once>((once) => once.release())

/** Responses that are new: most are read at once, and nothing has to be done for them. */
const fresh = new Map<Once, HeldResponse>()
const LOOK_AFTER_MS = 10
let isLooking = false

function lookAtLater(response: HeldResponse, once: Once): void {
  fresh.set(once, response)
  if (isLooking) return
  isLooking = true
  // It keeps the process alive: others may wait for a place.
  setTimeout(look, LOOK_AFTER_MS)
}

function look(): void {
  isLooking = false
  for (const [once, response] of fresh) {
    unread?.register(response, once, once)
    readAhead(response).catch(once.release)
  }
  fresh.clear()
}

const prototypes = new WeakMap<object, object>()

/** The same methods, which say when they are done; for each implementation of `fetch` its own. */
function prototypeFor(base: Response): object {
  let prototype = prototypes.get(base)
  if (prototype === undefined) {
    prototype = Object.create(base, heldMembers(base)) as object
    prototypes.set(base, prototype)
  }
  return prototype
}

const READERS = ['arrayBuffer', 'blob', 'bytes', 'formData', 'json', 'text'] as const

function heldMembers(base: Response): PropertyDescriptorMap {
  const members: PropertyDescriptorMap = {
    body: {
      configurable: true,
      get(this: HeldResponse) {
        this[BODY] ??= heldBody(this[HOLD], () => Reflect.get(base, 'body', this) as ReadableStream<Uint8Array>)
        return this[BODY]
      },
    },
    clone: {
      configurable: true,
      writable: true,
      value(this: HeldResponse) {
        const hold = this[HOLD]
        if (this[BODY]?.locked === true) throw new TypeError('Response.clone: Body has already been consumed.')
        const copy = base.clone.call(this)
        // The stream from before is the source of both now.
        this[BODY] = undefined
        // The one that is read first has received all.
        const held = holdResponse(copy, hold.release)
        hold.whenAborted(held.abort)
        return held.response
      },
    },
  }
  for (const name of READERS) {
    const read: unknown = Reflect.get(base, name)
    if (typeof read !== 'function') continue
    members[name] = {
      configurable: true,
      writable: true,
      value(this: HeldResponse) {
        if (this[BODY]?.locked === true) {
          return Promise.reject(new TypeError('Body is unusable: Body has already been read'))
        }
        return this[HOLD].reading(Reflect.apply(read, this, []) as Promise<unknown>)
      },
    }
  }
  return members
}

/** The body as a stream that says when it has ended. It takes nothing from the body before it is read. */
function heldBody(hold: Hold, bodyOf: () => ReadableStream<Uint8Array>): ReadableStream<Uint8Array> {
  const isByteStream = takesBuffers(bodyOf())
  let reader: ReadableStreamDefaultReader<Uint8Array> | undefined
  const source: UnderlyingDefaultSource<Uint8Array> = {
    start(controller) {
      if (hold.isAborted) controller.error(hold.reason)
      hold.whenEnded((reason) => {
        controller.error(reason)
        reader?.cancel(reason).catch(ignore)
      })
    },
    async pull(controller) {
      try {
        hold.isPulled = true
        reader ??= bodyOf().getReader()
        let part = await reader.read()
        // A byte stream refuses an empty part.
        while (!part.done && part.value.byteLength === 0) part = await reader.read()
        if (hold.isAborted) return
        if (!part.done) {
          controller.enqueue(part.value)
          return
        }
        hold.release()
        controller.close()
        // A reader with a buffer of its own is answered too.
        ;(controller as { readonly byobRequest?: { respond(bytes: number): void } | null }).byobRequest?.respond(0)
      } catch (error) {
        hold.release()
        controller.error(error)
      }
    },
    cancel(reason) {
      hold.release()
      // Of a copy, it is only cancelled when all are: whoever cancels does not wait for the others.
      const cancelled = reader === undefined ? bodyOf().cancel(reason) : reader.cancel(reason)
      cancelled.catch(ignore)
    },
  }
  return isByteStream
    ? new ReadableStream({ ...source, type: 'bytes' } as UnderlyingByteSource)
    : new ReadableStream(source, { highWaterMark: 0 })
}

/** Whether a stream's parts are its own to give away: it is one of bytes, as those from the network are. */
function takesBuffers(body: ReadableStream<Uint8Array>): boolean {
  try {
    body.getReader({ mode: 'byob' }).releaseLock()
    return true
  } catch {
    return false
  }
}

/**
 * Whoever waits for all responses before reading one would wait indefinitely, with more of them than there are places: a body that has
 * arrived as a whole is done with. The copy keeps it for whoever reads it later.
 */
async function readAhead(response: HeldResponse): Promise<void> {
  const hold = response[HOLD]
  if (hold.isReleased || response.bodyUsed || hold.isPulled || response[BODY]?.locked === true) return
  const base = Object.getPrototypeOf(Object.getPrototypeOf(response)) as Response
  const reader = base.clone.call(response).body?.getReader()
  if (reader === undefined) return
  for (let bytes = 0; bytes <= READ_AHEAD_BYTES; ) {
    const { done, value } = await reader.read()
    if (done) {
      hold.release()
      return
    }
    bytes += value.byteLength
  }
  await reader.cancel()
}

/** Of implementations whose bodies are streams of Node's. */
function whenStreamEnds(body: unknown, release: () => void): void {
  const stream = body as { once?(event: string, listener: () => void): void }
  if (typeof stream.once !== 'function') {
    release()
    return
  }
  let isReleased = false
  for (const event of ['end', 'close', 'error']) {
    stream.once(event, () => {
      if (!isReleased) release()
      isReleased = true
    })
  }
}
