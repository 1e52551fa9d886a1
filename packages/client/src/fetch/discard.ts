import { ignore } from '../call/defuse.js'

/** Bytes and milliseconds for which it is cheaper to read a body to its end than to open another connection. */
const MOST_BYTES = 65_536
const MOST_MS = 1_000

/** Reads what is left of a body, so that its connection can be used again; a long or slow one is cancelled. In the background. */
export function discardBody({ body }: Response): void {
  if (body === null || body === undefined) return
  if (typeof body.getReader === 'function') {
    if (!body.locked) drain(body).catch(ignore)
    return
  }
  // A stream of Node's, of other implementations.
  const { destroy } = body as unknown as { readonly destroy?: unknown }
  if (typeof destroy === 'function') destroy.call(body)
}

async function drain(body: ReadableStream<Uint8Array>): Promise<void> {
  const reader = body.getReader()
  const cancel = (): void => {
    reader.cancel().catch(ignore)
  }
  const timer = setTimeout(cancel, MOST_MS)
  try {
    let bytes = 0
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      bytes += part.value.byteLength
      if (bytes <= MOST_BYTES) continue
      cancel()
      return
    }
  } finally {
    clearTimeout(timer)
  }
}

/** The beginning of a body as text, of a copy: the response can still be read. As much as there is by then; empty where it cannot be read. */
export async function peekText(response: Response, mostBytes: number, mostMs: number): Promise<string> {
  let text = ''
  let timer: ReturnType<typeof setTimeout> | undefined
  try {
    const reader = response.clone().body?.getReader()
    const cancel = (): unknown => reader?.cancel().catch(ignore)
    timer = setTimeout(cancel, mostMs)
    const decoder = new TextDecoder()
    for (let part = await reader?.read(); part?.done === false; part = await reader?.read()) {
      text += decoder.decode(part.value, { stream: true })
      if (text.length <= mostBytes) continue
      cancel()
      break
    }
  } catch {
    // What has arrived until then is what there is.
  } finally {
    clearTimeout(timer)
  }
  return text
}
