/** What a mock answers with. */
export interface MockAnswer {
  /** 200 to 599; defaults to 200. */
  readonly status?: number | undefined
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** An object or an array is sent as JSON, a string as text. */
  readonly body?: string | object | undefined
  /** In place of a body: a stream of server-sent events, each the data of one. An object is sent as JSON. */
  readonly events?: readonly (string | object)[] | undefined
}

/** An answer as it is written. */
export interface CompleteAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** Sent one by one; one part, unless it is a stream. */
  readonly parts: readonly string[]
  readonly isStream: boolean
}

const WITHOUT_CONTENT: readonly number[] = [204, 205, 304]

export function completeAnswer({ status = 200, headers = {}, body, events }: MockAnswer): CompleteAnswer {
  if (events !== undefined) {
    const type = { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache' }
    return { status, headers: { ...type, ...lowerCased(headers) }, parts: events.map(eventText), isStream: true }
  }
  if (body === undefined || WITHOUT_CONTENT.includes(status)) {
    return { status, headers: lowerCased(headers), parts: [], isStream: false }
  }
  const type = typeof body === 'string' ? 'text/plain; charset=utf-8' : 'application/json'
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  return { status, headers: { 'content-type': type, ...lowerCased(headers) }, parts: [text], isStream: false }
}

/** An object with a `type` is also named by it, as Anthropic names its events. */
function eventText(event: string | object): string {
  if (typeof event === 'string') return `data: ${event.replaceAll('\n', '\ndata: ')}\n\n`
  const name = 'type' in event && typeof event.type === 'string' ? `event: ${event.type}\n` : ''
  return `${name}data: ${JSON.stringify(event)}\n\n`
}

function lowerCased(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))
}
