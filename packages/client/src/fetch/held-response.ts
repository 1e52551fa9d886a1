/**
 * A response that says when its body is done with: read to its end, cancelled, failed, or collected unread. It stays the response that
 * `fetch` made, with another prototype: to make a new one would lose its URL and cost more than all layers.
 */

const RELEASE = Symbol('release')
const BODY = Symbol('body')

interface Held extends Response {
  [RELEASE]?: () => void
  [BODY]?: ReadableStream<Uint8Array>
}

/** A body that nobody has begun to read by then is read ahead, up to so many bytes. */
const READ_AHEAD_AFTER_MS = 10
const READ_AHEAD_BYTES = 1_048_576

/** Calls back, once, when the body of a response is done with. */
export function heldResponse(response: Response, release: () => void): Response {
  if (response.body === null) {
    release()
    return response
  }
  const held = response as Held
  let isReleased = false
  held[RELEASE] = () => {
    if (isReleased) return
    isReleased = true
    unread?.unregister(release)
    release()
  }
  Object.setPrototypeOf(held, prototypeFor(Object.getPrototypeOf(held)))
  unread?.register(held, release, release)
  const timer = setTimeout(() => {
    if (!isReleased) readAhead(held).catch(release)
  }, READ_AHEAD_AFTER_MS)
  // Nobody waits for it in a program that has ended.
  if (typeof timer === 'object') (timer as { unref?(): void }).unref?.()
  return held
}

/**
 * Whoever waits for all responses before reading one would wait for ever, with more of them than there are places: a body that has
 * arrived as a whole is done with. The copy keeps it for whoever reads it later.
 */
async function readAhead(held: Held): Promise<void> {
  if (held.bodyUsed || held[BODY] !== undefined) return
  const reader = Object.getPrototypeOf(Object.getPrototypeOf(held)).clone.call(held).body?.getReader()
  try {
    for (let bytes = 0; bytes <= READ_AHEAD_BYTES; ) {
      const { done, value } = await reader.read()
      if (done) {
        held[RELEASE]?.()
        return
      }
      bytes += value.byteLength
    }
    await reader.cancel()
  } catch {
    // Whoever reads the body learns of it; its place is free.
    held[RELEASE]?.()
  }
}

/** Whoever drops a response unread gives back what it holds when it is collected. */
const unread =
  typeof FinalizationRegistry === 'undefined' ? undefined : new FinalizationRegistry<() => void>((release) => release())

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
      get(this: Held) {
        this[BODY] ??= heldBody(this, Reflect.get(base, 'body', this) as ReadableStream<Uint8Array>)
        return this[BODY]
      },
    },
    clone: {
      configurable: true,
      writable: true,
      value(this: Held) {
        const copy = base.clone.call(this)
        // The one that is read first has received all; who cancels one may read the other.
        return heldResponse(copy, () => this[RELEASE]?.())
      },
    },
  }
  for (const name of READERS) {
    const read: unknown = Reflect.get(base, name)
    if (typeof read !== 'function') continue
    members[name] = {
      configurable: true,
      writable: true,
      value(this: Held) {
        const reading = Reflect.apply(read, this, []) as Promise<unknown>
        const release = (): void => this[RELEASE]?.()
        reading.then(release, release)
        return reading
      },
    }
  }
  return members
}

/** The body as a stream that says when it has ended. It takes nothing from the body before it is read. */
function heldBody(response: Held, body: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> {
  let reader: ReadableStreamDefaultReader<Uint8Array> | undefined
  const release = (): void => response[RELEASE]?.()
  return new ReadableStream(
    {
      type: 'bytes',
      async pull(controller) {
        reader ??= body.getReader()
        try {
          const { done, value } = await reader.read()
          if (!done) {
            controller.enqueue(value as Uint8Array<ArrayBuffer>)
            return
          }
          release()
          controller.close()
          // A reader with a buffer of its own is answered too.
          controller.byobRequest?.respond(0)
        } catch (error) {
          release()
          controller.error(error)
        }
      },
      cancel(reason) {
        release()
        return reader === undefined ? body.cancel(reason) : reader.cancel(reason)
      },
    },
    { highWaterMark: 0 },
  )
}
