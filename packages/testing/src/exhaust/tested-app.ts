import { once } from 'node:events'
import { createServer, type RequestListener, Server } from 'node:http'
import { ConfigError } from '@sluice/core'
import { shown } from '@sluice/core/runtime'

/** A request to send to an app. */
export interface ExhaustedRequest {
  readonly path: string
  /** Defaults to GET. */
  readonly method?: string | undefined
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** An object is sent as JSON. */
  readonly body?: string | object | undefined
}

/** Express's apps are functions; Koa's have `callback`, Fastify's `inject`. */
export type TestedApp =
  | string
  | URL
  | Server
  | RequestListener
  | { callback(): RequestListener }
  | { inject(request: InjectedRequest): PromiseLike<InjectedResponse> }

interface InjectedRequest {
  method: 'GET'
  url: string
  headers: Record<string, string>
  payload?: string
}

interface InjectedResponse {
  readonly statusCode: number
  readonly headers: Readonly<Record<string, unknown>>
  readonly payload: string
}

/** Where requests can be sent until it is closed. */
export interface Target {
  send(request: ExhaustedRequest): Promise<Response>
  close(): Promise<void>
}

/** @throws {ConfigError} on what is no app. */
export async function openTarget(app: TestedApp): Promise<Target> {
  if (typeof app === 'string' || app instanceof URL) return at(baseUrl(app))
  if (typeof app === 'object' && app !== null && 'inject' in app && typeof app.inject === 'function')
    return injecting(app)
  const [server, isOurs] = serverOf(app)
  if (!isOurs) return at(urlOf(server))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return at(urlOf(server), async () => {
    const closed = once(server, 'close')
    server.close()
    server.closeAllConnections()
    await closed
  })
}

/** A server for it, and whether it is to be closed again. */
function serverOf(app: Exclude<TestedApp, string | URL>): readonly [Server, isOurs: boolean] {
  if (app instanceof Server) return [app, !app.listening]
  if (typeof app === 'function') return [createServer(app), true]
  if (typeof app === 'object' && app !== null && 'callback' in app && typeof app.callback === 'function') {
    return [createServer(app.callback()), true]
  }
  throw new ConfigError(
    `exhaust(): expected an Express or Koa app, a Fastify instance, a node:http server or a URL, got ${shown(app)}.`,
  )
}

function baseUrl(given: string | URL): string {
  if (!URL.canParse(String(given)) || !/^https?:/.test(String(given))) {
    throw new ConfigError(`exhaust(): expected a URL such as 'http://localhost:3000', got ${shown(String(given))}.`)
  }
  return String(given).replace(/\/$/, '')
}

function urlOf(server: Server): string {
  const address = server.address()
  if (typeof address !== 'object' || address === null) {
    throw new ConfigError('exhaust(): the server listens on a path, not on a port.')
  }
  const { address: host, family, port } = address
  if (host === '::' || host === '0.0.0.0') return `http://127.0.0.1:${port}`
  return family === 'IPv6' ? `http://[${host}]:${port}` : `http://${host}:${port}`
}

function at(url: string, close: () => Promise<void> = async () => undefined): Target {
  return {
    async send(request) {
      const { method = 'GET', path } = request
      const body = bodyOf(request)
      const init = { method, headers: headersOf(request), redirect: 'manual' } as const
      const response = await fetch(url + path, body === undefined ? init : { ...init, body })
      // Read now, since the server may be closed before the test does.
      return copyOf(response.status, [...response.headers], await response.text())
    },
    close,
  }
}

function injecting(app: { inject(request: InjectedRequest): PromiseLike<InjectedResponse> }): Target {
  return {
    async send(request) {
      const { method = 'GET', path } = request
      const payload = bodyOf(request)
      const sent = { method: method as 'GET', url: path, headers: headersOf(request) }
      const {
        statusCode,
        headers,
        payload: text,
      } = await app.inject(payload === undefined ? sent : { ...sent, payload })
      const pairs = Object.entries(headers).flatMap(([name, value]) =>
        (Array.isArray(value) ? value : [value]).map((one): [string, string] => [name, String(one)]),
      )
      return copyOf(statusCode, pairs, text)
    },
    close: async () => undefined,
  }
}

function copyOf(status: number, headers: [string, string][], text: string): Response {
  const hasContent = ![204, 205, 304].includes(status)
  // The text is no longer compressed, and may have another length.
  const own = headers.filter(([name]) => !/^(?:content-encoding|content-length|transfer-encoding)$/i.test(name))
  return new Response(hasContent ? text : null, { status, headers: own })
}

function headersOf({ headers = {}, body }: ExhaustedRequest): Record<string, string> {
  return typeof body === 'object' ? { 'content-type': 'application/json', ...headers } : { ...headers }
}

function bodyOf({ body }: ExhaustedRequest): string | undefined {
  return typeof body === 'object' ? JSON.stringify(body) : body
}
