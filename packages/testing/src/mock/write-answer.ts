import type { ServerResponse } from 'node:http'
import type { CompleteAnswer } from './answer.js'

/** Sends an answer whole. */
export function writeAnswer(response: ServerResponse, { parts, isStream }: CompleteAnswer): void {
  if (isStream) for (const part of parts) response.write(part)
  else response.setHeader('content-length', Buffer.byteLength(parts.join('')))
  response.end(isStream ? undefined : parts.join(''))
}

/** Sends about half of the body, and resets the connection. */
export function cutAnswer(response: ServerResponse, { parts }: CompleteAnswer): void {
  const text = parts.join('')
  response.setHeader('content-length', Buffer.byteLength(text) + 1)
  response.flushHeaders()
  response.write(text.slice(0, Math.ceil(text.length / 2)), () => response.socket?.resetAndDestroy())
}
