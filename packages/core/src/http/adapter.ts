import type { Decision } from '../decision.js'
import type { Field } from './headers.js'

/** The header fields of a request that a guard looks at. */
export interface RequestHeaders {
  readonly accept?: string | undefined
  readonly 'x-forwarded-for'?: string | readonly string[] | undefined
}

/** How a framework's request is read: all that an adapter has to know of it. */
export interface RequestReader<Req> {
  ip(request: Req): string | undefined
  /** By lower-case name, as Node's IncomingMessage has them. */
  headers(request: Req): RequestHeaders
  /** Whose X-Forwarded-For the framework believes: nobody's, everybody's, or that of chosen proxies. */
  proxies(request: Req): 'untrusted' | 'all' | 'chosen'
}

/** The part of Node's ServerResponse that a guard watches. */
export interface ResponseLike {
  readonly statusCode: number
  readonly writableFinished: boolean
  once(event: 'finish' | 'close', listener: () => void): unknown
}

/** The guard's answer for one request: go on, or answer with this status, these fields and this body. */
export interface Passage {
  readonly allowed: boolean
  /** The connection closed while the request was held: there is nobody to answer and nothing to go on with. */
  readonly gone: boolean
  /** Over all limits of the request so far; `undefined` when all were skipped. */
  readonly decision: Decision | undefined
  readonly status: number
  readonly fields: readonly Field[]
  readonly body: string
}
