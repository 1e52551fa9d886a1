type Fields = Readonly<Record<string, unknown>>

/** A request's own id, as Fastify and pino-http give it, or its `X-Request-Id`. Koa's context has the request inside. */
export function requestIdOf(request: unknown): string | undefined {
  const own = fieldIn(request, 'id') ?? fieldIn(fieldIn(request, 'req'), 'id')
  if (typeof own === 'string' || typeof own === 'number') return short(String(own))
  return headerOf(request, 'x-request-id')
}

/** The trace id of a request's `traceparent` (W3C Trace Context). */
export function traceIdOf(request: unknown): string | undefined {
  const [, id] = /^[\da-f]{2}-([\da-f]{32})-[\da-f]{16}-[\da-f]{2}/.exec(headerOf(request, 'traceparent') ?? '') ?? []
  return id === undefined || /^0+$/.test(id) ? undefined : id
}

function headerOf(request: unknown, name: string): string | undefined {
  const value = fieldIn(fieldIn(request, 'headers'), name)
  return typeof value === 'string' && value !== '' ? short(value) : undefined
}

function fieldIn(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Fields)[name] : undefined
}

/** Whoever sends an id may send a megabyte. */
function short(id: string): string {
  return id.length > 128 ? `${id.slice(0, 128)}…` : id
}
