import type { Decision } from '../decisions/decision.js'
import type { Field } from './headers.js'
import type { RateLimitError } from './rate-limit-error.js'
import type { Refusal } from './refusal.js'

/** The header fields of a request that a guard looks at. */
export interface RequestHeaders {
  readonly accept?: string | undefined
  readonly 'x-forwarded-for'?: string | readonly string[] | undefined
}

/** How a framework's request is read: all that an adapter has to know of it. */
export interface RequestReader<Req> {
  /** The client's address, as the framework determines it. */
  ip(request: Req): string | undefined
  /** The address at the other end of the connection: the last proxy's, where there is one. */
  peer(request: Req): string | undefined
  /** By lower-case name, as Node's IncomingMessage has them. */
  headers(request: Req): RequestHeaders
  /** Whose X-Forwarded-For the framework trusts: no proxy's, every proxy's, or that of chosen ones. */
  proxies(request: Req): 'untrusted' | 'all' | 'chosen'
  /** The method and the pattern of the route, where it is known by now. */
  route?(request: Req): string | undefined
  /** What was sent, parsed by what the app has in front of the limit; `undefined` where nothing has parsed it. */
  body?(request: Req): unknown
  /** The method and the target as the client sent them: `/v1/chat?stream=1`. */
  target?(request: Req): { readonly method: string; readonly url: string }
  /** How to have bodies parsed before a limit reads them. */
  readonly bodyAdvice?: string
  /** How to configure which proxies this framework, in this version, trusts. */
  readonly trustAdvice: string
}

/** The guard's answer for one request: go on, or answer with this status, these fields and this body. */
export interface Passage {
  readonly allowed: boolean
  /** The client has left, or the response was sent by somebody else: nothing is to be written, and nothing goes on. */
  readonly over: boolean
  /** This limit's own decision and receipt; `undefined` when the request was skipped. */
  readonly decision: Decision | undefined
  readonly status: number
  /** Of all limits of the request so far. */
  readonly fields: readonly Field[]
  /** `undefined` for a response without a body. */
  readonly body: string | undefined
  /** Where a denial is to go through the framework's error handling. */
  readonly error?: RateLimitError | Refusal | undefined
}
