import type { IncomingMessage, ServerResponse } from 'node:http'
import { isGone, whenEnded } from '@sluice/core/http'
import { type DashboardRequest, type DashboardResponse, HttpError } from './exchange.js'

const MOST_BYTES = 65_536

/** A request of Node's, whose URL begins at the mount point. */
export function requestOf(
  incoming: IncomingMessage,
  url: string,
  original: unknown,
  parsed: unknown,
): DashboardRequest {
  const at = url.indexOf('?')
  const path = at < 0 ? url : url.slice(0, at)
  return {
    method: incoming.method ?? 'GET',
    path: path === '' ? '/' : path,
    query: new URLSearchParams(at < 0 ? '' : url.slice(at + 1)),
    headers: incoming.headers,
    version: incoming.httpVersion,
    address: incoming.socket.remoteAddress,
    original,
    body: () => (parsed === undefined ? read(incoming) : Promise.resolve(parsed)),
  }
}

async function read(incoming: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = []
  let bytes = 0
  try {
    for await (const chunk of incoming as AsyncIterable<Buffer>) {
      bytes += chunk.length
      if (bytes > MOST_BYTES) throw new HttpError(413, 'An action has at most 64 kB.')
      chunks.push(chunk)
    }
  } catch (error) {
    // The client has left: nobody reads the answer.
    throw error instanceof HttpError ? error : new HttpError(400, 'The body did not arrive.')
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'))
  } catch {
    throw new HttpError(400, 'The body is not JSON.')
  }
}

/** Every answer has these: nothing is loaded from elsewhere, and no other page shows it in a frame. */
const FIELDS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
} as const

export function send(response: ServerResponse, { status, headers, body, stream }: DashboardResponse): void {
  // Over HTTP/2, a client that has left shows in other ways.
  if (response.headersSent || isGone(response)) return
  response.statusCode = status
  for (const [name, value] of Object.entries({ ...FIELDS, ...headers })) response.setHeader(name, value)
  if (stream === undefined) {
    response.end(body)
    return
  }
  response.flushHeaders()
  const stop = stream(
    (chunk) => response.write(chunk),
    () => response.end(),
  )
  whenEnded(response, stop)
}
