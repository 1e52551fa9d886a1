import type { IncomingMessage } from 'node:http'

const LARGEST_BODY = 10_000_000

/** A request's body as text; `undefined` for one that is too large. Rejects where the client leaves before its end. */
export async function readBody(message: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of message) {
    if (!Buffer.isBuffer(chunk)) continue
    size += chunk.length
    if (size <= LARGEST_BODY) chunks.push(chunk)
  }
  return size > LARGEST_BODY ? undefined : Buffer.concat(chunks).toString('utf8')
}
