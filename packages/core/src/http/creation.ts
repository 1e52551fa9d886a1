import { builtin, placeOfCall, type Storage, warn } from '../runtime/builtin.js'

/** A limit that is made while a request is answered, by what a stack of calls shows of it. */
const ANSWERING = /node:_http_server|node:internal\/http2\/compat/

/**
 * A handler that has waited for something shows no server in its stack. So many from one place are suspicious, but may be
 * the apps of a test suite: then requests are followed for a while.
 */
const SUSPICIOUS = 10
const FOLLOWED_MS = 60_000
const MOST_PLACES = 1_000

const made = new Map<string, number>()
let answered = false
let requests: Storage<boolean> | undefined
let warned = false

/** From the first decision on, limits that are made again and again are suspicious. */
export function noteDecision(): void {
  answered = true
}

/** Warns once, with the place in the code, of a limit that is made for each request: it would never limit anybody. */
export function noteCreation(what: string, caller: (...args: never[]) => unknown): void {
  if (warned) return
  const { stack, place } = placeOfCall(caller)
  const answering = ANSWERING.test(stack) || requests?.getStore() === true
  if (!answering && !answered) return
  const count = (made.get(place) ?? 0) + 1
  if (made.size < MOST_PLACES || made.has(place)) made.set(place, count)
  // One that is made when it is first needed, and kept, is made once.
  if (answering && count > 1) warnOf(what, place)
  else if (count === SUSPICIOUS) followRequests()
}

/** Marks what each request of HTTP/1.1 leads to, for a minute: to do so always would cost too much. */
function followRequests(): void {
  const hooks = builtin('node:async_hooks')
  const starts = builtin('node:diagnostics_channel')
  if (hooks === undefined || starts === undefined || requests !== undefined) return
  const followed = new hooks.AsyncLocalStorage<boolean>()
  const start = () => followed.enterWith(true)
  requests = followed
  starts.subscribe('http.server.request.start', start)
  const end = setTimeout(() => {
    starts.unsubscribe('http.server.request.start', start)
    followed.disable()
    requests = undefined
  }, FOLLOWED_MS)
  if (typeof end === 'object') end.unref()
}

function warnOf(what: string, place: string): void {
  warned = true
  warn(
    'SLUICE_MADE_IN_HANDLER',
    `${what} is called while requests are answered, at ${place}. What is made anew for each request never limits anybody, ` +
      'and takes memory each time: make it once, outside the handler.',
  )
}
