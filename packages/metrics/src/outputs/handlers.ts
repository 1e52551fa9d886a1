import { TEXT_TYPE } from './prometheus-text.js'

/** The part of a response of Node's, and so of Express's, that is written to. */
export interface WritableResponse {
  statusCode: number
  setHeader(name: string, value: string | number): unknown
  end(body?: string): unknown
}

/** The part of a Koa context that is written to. */
export interface WritableContext {
  type: string
  body: unknown
  set(name: string, value: string): void
}

/** The part of a Fastify reply that is written to. */
export interface WritableReply {
  header(name: string, value: string): unknown
  send(body: string): unknown
}

/** Handlers that answer with the text, for each framework. */
export interface Handlers {
  /** `app.get('/metrics', metrics.express)`; also a listener of a plain `node:http` server. */
  readonly express: (request: unknown, response: WritableResponse) => void
  /** `router.get('/metrics', metrics.koa)` */
  readonly koa: (context: WritableContext) => void
  /** `app.get('/metrics', metrics.fastify)` */
  readonly fastify: (request: unknown, reply: WritableReply) => void
}

export function handlers(text: () => string): Handlers {
  return {
    express(_request, response) {
      response.statusCode = 200
      response.setHeader('Content-Type', TEXT_TYPE)
      response.setHeader('Cache-Control', 'no-store')
      response.end(text())
    },
    koa(context) {
      context.body = text()
      context.type = TEXT_TYPE
      context.set('Cache-Control', 'no-store')
    },
    fastify(_request, reply) {
      reply.header('Content-Type', TEXT_TYPE)
      reply.header('Cache-Control', 'no-store')
      reply.send(text())
    },
  }
}
