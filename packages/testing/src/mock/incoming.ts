import type { IncomingMessage } from 'node:http'
import type { RequestReader } from '@sluice/core/http'
import type { ReceivedRequest } from './received-request.js'

/** A request as the limits of a mock read it. */
export interface Incoming {
  readonly message: IncomingMessage
  readonly request: ReceivedRequest
  /** The path without its query. */
  readonly path: string
  /** Parsed, where it is JSON. */
  readonly json: unknown
}

export function newIncoming(message: IncomingMessage, request: ReceivedRequest): Incoming {
  return { message, request, path: pathOf(request.path), json: jsonIn(request.body) }
}

/** A target without its query. */
export function pathOf(target: string): string {
  return target.replace(/\?.*$/s, '')
}

export const incomingReader: RequestReader<Incoming> = {
  ip: ({ message }) => message.socket.remoteAddress,
  peer: ({ message }) => message.socket.remoteAddress,
  headers: ({ message }) => message.headers,
  proxies: () => 'untrusted',
  route: ({ request, path }) => `${request.method} ${path}`,
  body: ({ json }) => json,
  target: ({ request: { method, path } }) => ({ method, url: path }),
  bodyAdvice: 'send a body of JSON',
  trustAdvice: 'a mock API trusts no proxy',
}

function jsonIn(text: string): unknown {
  try {
    return text === '' ? undefined : JSON.parse(text)
  } catch {
    return undefined
  }
}
