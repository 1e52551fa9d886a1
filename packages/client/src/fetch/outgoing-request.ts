/** What is passed to `fetch`. */
export type FetchInput = Parameters<typeof fetch>[0]
export type FetchInit = Parameters<typeof fetch>[1]

/** A request on its way out, as options' functions see it. */
export class OutgoingRequest {
  readonly #input: FetchInput
  readonly #init: FetchInit
  #url: string | undefined
  #headers: Headers | undefined

  constructor(input: FetchInput, init: FetchInit) {
    this.#input = input
    this.#init = init
  }

  /** As it was given, and so perhaps relative in a browser. */
  get url(): string {
    this.#url ??= isRequest(this.#input) ? this.#input.url : String(this.#input)
    return this.#url
  }

  /** In upper case. */
  get method(): string {
    const method = this.#init?.method ?? (isRequest(this.#input) ? this.#input.method : 'GET')
    return METHODS.has(method) ? method : String(method).toUpperCase()
  }

  get headers(): Headers {
    this.#headers ??= new Headers(this.#init?.headers ?? (isRequest(this.#input) ? this.#input.headers : undefined))
    return this.#headers
  }

  get signal(): AbortSignal | undefined {
    const given = this.#init?.signal
    if (given !== undefined) return given ?? undefined
    return isRequest(this.#input) ? this.#input.signal : undefined
  }

  /** Whether its body can be sent again: of a stream nothing is kept. A `Request` can be cloned. */
  get isRepeatable(): boolean {
    const body: unknown = this.#init?.body
    if (body === undefined || body === null || typeof body === 'string') return true
    return typeof body !== 'object' || !STREAM_MARKS.some((mark) => mark in body)
  }

  /** The origin that it goes to; in a browser, that of the page for a relative URL. */
  get origin(): string {
    return originOf(this.url)
  }

  /** Method and path: limits may be those of a route. */
  get route(): string {
    return `${this.method} ${/^(?:[a-z]+:)?(?:\/\/[^/?#]*)?([^?#]*)/i.exec(this.url)?.[1] ?? ''}`
  }

  /**
   * Equal for requests that a server cannot tell apart: never for two credentials. `undefined` where it may change something, or has
   * options that nobody here knows.
   */
  get identity(): string | undefined {
    const { method } = this
    if (method !== 'GET' && method !== 'HEAD') return undefined
    if (this.#init === undefined && typeof this.#input === 'string') return this.#input
    const init: Readonly<Record<string, unknown>> = { ...this.#init }
    for (const name of Object.keys(init)) if (!KNOWN_INIT.has(name)) return undefined
    const input = (isRequest(this.#input) ? this.#input : {}) as Readonly<Record<string, unknown>>
    const options = IDENTIFYING_INIT.map((name) => init[name] ?? input[name])
    return JSON.stringify([method, this.url, options, ...this.headers])
  }

  /**
   * The arguments for one more attempt.
   * @param isLast whether no further one can follow: until then, a `Request` with a body is kept for it.
   */
  forAttempt(isLast: boolean, signal: AbortSignal | undefined): [FetchInput, FetchInit] {
    const input = isRequest(this.#input) && this.#input.body !== null && !isLast ? this.#input.clone() : this.#input
    return [input, signal === this.signal ? this.#init : { ...this.#init, signal: signal ?? null }]
  }
}

const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])

/** Of web streams, async iterables, and older streams of Node's. */
const STREAM_MARKS = [Symbol.asyncIterator, 'getReader', 'pipe'] as const

const IDENTIFYING_INIT = ['credentials', 'mode', 'redirect', 'cache', 'referrer', 'referrerPolicy', 'integrity']
const KNOWN_INIT: ReadonlySet<string> = new Set(['method', 'headers', 'signal', 'priority', ...IDENTIFYING_INIT])

/** Also one of another realm or implementation. */
function isRequest(input: FetchInput): input is Request {
  return typeof input === 'object' && input !== null && 'url' in input && 'clone' in input
}

/** Origins by the text before the path: a client calls few. */
const origins = new Map<string, string>()
const MOST_ORIGINS = 1_000

function originOf(url: string): string {
  // All of a URL that its origin can depend on; what has another form is rare.
  const beginning = /^https?:\/\/[^/?#\\]+/i.exec(url)?.[0]
  if (beginning === undefined) return parsedOrigin(url)
  let origin = origins.get(beginning)
  if (origin === undefined) {
    origin = parsedOrigin(url)
    if (origins.size >= MOST_ORIGINS) origins.clear()
    origins.set(beginning, origin)
  }
  return origin
}

function parsedOrigin(url: string): string {
  const { location } = globalThis as { readonly location?: { readonly href: string } }
  try {
    return new URL(url, location?.href).origin
  } catch {
    // fetch says what is wrong with it.
    return 'invalid URL'
  }
}
