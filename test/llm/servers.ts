import type { Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { bodyParser } from '@koa/bodyparser'
import type { Decision } from '@sluice/core'
import { sluice as onExpress, type SluiceOptions } from '@sluice/express'
import { sluice as onFastify } from '@sluice/fastify'
import { sluice as onKoa } from '@sluice/koa'
import { type Charge, callOf, type LlmOptions, llm } from '@sluice/llm'
import express from 'express'
import fastify from 'fastify'
import Koa from 'koa'
import { afterEach } from 'vitest'
import { listening } from '../servers.ts'

type Json = Record<string, unknown>

/** A provider: what it answers to a request that it has parsed. */
export type Answering = (body: Json, response: ServerResponse, url: string) => unknown

export interface Upstream {
  readonly url: string
  /** The bodies that reached it. */
  readonly bodies: Json[]
  /** Requests whose connections were closed before they were answered. */
  readonly aborted: () => number
  close(): void
}

export async function upstream(answer: Answering): Promise<Upstream> {
  const bodies: Json[] = []
  let aborted = 0
  const server = await listening(async (request, response) => {
    let text = ''
    for await (const chunk of request) text += chunk
    const body: Json = text === '' ? {} : JSON.parse(text)
    bodies.push(body)
    response.once('close', () => {
      if (!response.writableFinished) aborted++
    })
    await answer(body, response, request.url ?? '')
  })
  return { url: urlOf(server), bodies, aborted: () => aborted, close: () => shut(server) }
}

/** What a test opens is closed after it. */
export function keeper(): <T extends { close(): unknown }>(one: T) => T {
  const open: { close(): unknown }[] = []
  afterEach(async () => {
    for (const one of open.splice(0)) await one.close()
  })
  return (one) => {
    open.push(one)
    return one
  }
}

export function urlOf(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

function shut(server: Server): void {
  server.closeAllConnections()
  server.close()
}

export function chatAnswer(usage: Json | undefined, text = 'Hello there.', model = 'm'): Json {
  return {
    id: 'chatcmpl-1',
    object: 'chat.completion',
    created: 1,
    model,
    choices: [{ index: 0, message: { role: 'assistant', content: text }, finish_reason: 'stop' }],
    ...(usage === undefined ? {} : { usage }),
  }
}

export function openaiUsage(input: number, output: number): Json {
  return { prompt_tokens: input, completion_tokens: output, total_tokens: input + output }
}

export function sendJson(response: ServerResponse, body: Json, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

/** A stream of chat completion chunks, one for each word; usage last, where it is asked for. */
export async function sendChat(
  response: ServerResponse,
  body: Json,
  words: readonly string[],
  usage: Json | undefined,
  pause: () => Promise<unknown> = async () => undefined,
): Promise<void> {
  const chunk = (choices: unknown, more: Json = {}): string =>
    `data: ${JSON.stringify({ id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1, model: 'm', choices, ...more })}\n\n`
  const asks = (body['stream_options'] as { include_usage?: boolean } | undefined)?.include_usage === true
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  for (const word of words) {
    if (response.destroyed) return
    response.write(chunk([{ index: 0, delta: { content: word }, finish_reason: null }], asks ? { usage: null } : {}))
    await pause()
  }
  response.write(chunk([{ index: 0, delta: {}, finish_reason: 'stop' }], asks ? { usage: null } : {}))
  if (asks && usage !== undefined) response.write(chunk([], { usage }))
  response.end('data: [DONE]\n\n')
}

export interface Gateway {
  readonly url: string
  readonly charges: Charge[]
  /** How the limit stands for a key. */
  peek(key: string): Promise<Decision>
  post(path: string, body: unknown, headers?: Readonly<Record<string, string>>, signal?: AbortSignal): Promise<Response>
  close(): Promise<void>
}

/** What of a limit's options a test chooses. */
type Rest = Omit<SluiceOptions<never>, 'key' | 'response'>

/** A server with one limit that passes calls on, as README shows it. Clients are told apart by their `x-api-key`. */
export type MakeGateway = (to: string, options: LlmOptions<never>, rest?: Rest) => Promise<Gateway>

const NAME = 'llm'

const onExpressServer: MakeGateway = async (to, options, { store, ...rest } = {}) => {
  const charges: Charge[] = []
  const limit = onExpress({ store })
  const key = (req: express.Request): string => req.get('x-api-key') ?? 'nobody'
  const limited = limit(llm(noting(options, charges)) as never, { name: NAME, ...rest, key } as never)
  const app = express().disable('x-powered-by')
  app.post('/*path', express.json({ limit: '50mb' }), limited, async (req, res) => {
    const answer = await passOn(`${to}${req.originalUrl}`, req.body, callOf(req)?.signal)
    if (answer === undefined) return void res.destroy()
    res.status(answer.status).set('content-type', answer.headers.get('content-type') ?? 'text/plain')
    await sent(answer, (body) => pipeline(body, res))
  })
  const server = await listening(app)
  return running(urlOf(server), charges, limited, async () => {
    shut(server)
    await limit.close()
  })
}

const onKoaServer: MakeGateway = async (to, options, { store, ...rest } = {}) => {
  const charges: Charge[] = []
  const limit = onKoa({ store })
  const key = (context: Koa.Context): string => context.get('x-api-key') || 'nobody'
  const limited = limit(llm(noting(options, charges)) as never, { name: NAME, ...rest, key } as never)
  const app = new Koa().use(bodyParser({ jsonLimit: '50mb' })).use(limited)
  app.silent = true
  app.use(async (context) => {
    const { body } = context.request as { body?: Json }
    const answer = await passOn(`${to}${context.originalUrl}`, body, callOf(context)?.signal)
    if (answer === undefined) return void context.res.destroy()
    context.status = answer.status
    context.set('content-type', answer.headers.get('content-type') ?? 'text/plain')
    context.body = Readable.fromWeb(answer.body as never)
  })
  const server = await listening(app.callback())
  return running(urlOf(server), charges, limited, async () => {
    shut(server)
    await limit.close()
  })
}

const onFastifyServer: MakeGateway = async (to, options, { store, ...rest } = {}) => {
  const charges: Charge[] = []
  const limit = onFastify({ store })
  const key = (request: { headers: Readonly<Record<string, unknown>> }): string =>
    String(request.headers['x-api-key'] ?? 'nobody')
  const limited = limit(llm(noting(options, charges)) as never, { name: NAME, ...rest, key } as never)
  const app = fastify({ bodyLimit: 50_000_000 })
  app.post('/*', { preHandler: limited }, async (request, reply) => {
    const answer = await passOn(`${to}${request.originalUrl}`, request.body, callOf(request)?.signal)
    if (answer === undefined) return reply.hijack().raw.destroy()
    reply.code(answer.status).header('content-type', answer.headers.get('content-type') ?? 'text/plain')
    return reply.send(Readable.fromWeb(answer.body as never))
  })
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  return running(url, charges, limited, async () => {
    app.server.closeAllConnections()
    await app.close()
    await limit.close()
  })
}

export const FRAMEWORKS: Readonly<Record<'Express' | 'Koa' | 'Fastify', MakeGateway>> = {
  Express: onExpressServer,
  Koa: onKoaServer,
  Fastify: onFastifyServer,
}

/** `undefined` where the call was aborted, or the provider could not be reached. */
async function passOn(url: string, body: unknown, signal: AbortSignal | undefined): Promise<Response | undefined> {
  const headers = { 'content-type': 'application/json' }
  try {
    return await fetch(url, { method: 'POST', headers, body: JSON.stringify(body), signal: signal ?? null })
  } catch {
    return undefined
  }
}

/** A client that leaves, and a provider that dies, end the pipeline with an error. */
async function sent(answer: Response, send: (body: Readable) => Promise<void>): Promise<void> {
  try {
    await send(Readable.fromWeb(answer.body as never))
  } catch {
    // The response is over, and the charge says how.
  }
}

function noting(options: LlmOptions<never>, charges: Charge[]): LlmOptions<never> {
  const { onCharged } = options
  return {
    ...options,
    onCharged(charge, request) {
      charges.push(charge)
      onCharged?.(charge, request)
    },
  }
}

function running(
  url: string,
  charges: Charge[],
  limited: { peek(key: string): Decision | Promise<Decision> },
  close: () => Promise<void>,
): Gateway {
  return {
    url,
    charges,
    peek: async (key) => limited.peek(key),
    post: (path, body, headers = {}, signal) =>
      fetch(`${url}${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-api-key': 'a', ...headers },
        body: typeof body === 'string' ? body : JSON.stringify(body),
        signal: signal ?? null,
      }),
    close,
  }
}
