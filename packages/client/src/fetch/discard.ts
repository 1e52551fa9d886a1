/** Bytes and milliseconds for which it is cheaper to read a body to its end than to open another connection. */
const MOST_BYTES = 65_536
const MOST_MS = 1_000

/** Reads what is left of a body, so that its connection can be used again; a long or slow one is cancelled. In the background. */
export function discardBody(response: Response): void {
  const { body } = response
  if (body === null || body.locked) return
  drain(body).catch(ignore)
}

async function drain(body: ReadableStream<Uint8Array>): Promise<void> {
  const reader = body.getReader()
  const timer = setTimeout(() => reader.cancel().catch(ignore), MOST_MS)
  try {
    let bytes = 0
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      bytes += part.value.byteLength
      if (bytes > MOST_BYTES) {
        await reader.cancel()
        return
      }
    }
  } finally {
    clearTimeout(timer)
  }
}

function ignore(): void {}

/** The beginning of a body as text, of a copy: the response can still be read. Empty where it takes too long. */
export async function peekText(response: Response, mostBytes: number, mostMs: number): Promise<string> {
  if (response.body === null || response.bodyUsed) return ''
  const reader = response.clone().body?.getReader()
  if (reader === undefined) return ''
  const cancel = (): unknown => reader.cancel().catch(ignore)
  const timer = setTimeout(cancel, mostMs)
  const decoder = new TextDecoder()
  let text = ''
  try {
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      text += decoder.decode(part.value, { stream: true })
      if (text.length > mostBytes) {
        cancel()
        break
      }
    }
  } catch {
    // What has arrived until then is what there is.
  } finally {
    clearTimeout(timer)
  }
  return text
}
