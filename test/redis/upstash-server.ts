import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Redis } from 'ioredis'

/** A server that speaks Upstash's REST protocol over a Redis of ours. */
export interface UpstashServer {
  readonly url: string
  readonly token: string
  /** HTTP requests so far. */
  readonly requests: number
  stop(): Promise<void>
}

const TOKEN = 'a token that only the tests know'

type Command = readonly [name: string, ...args: string[]]
type Answer = { readonly result: unknown } | { readonly error: string }

export async function startUpstash(redisUrl: string): Promise<UpstashServer> {
  const redis = new Redis(redisUrl)
  let requests = 0
  const server = createServer(async (request, response) => {
    requests += 1
    const send = (status: number, body: unknown) => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    }
    if (request.headers.authorization !== `Bearer ${TOKEN}`) return send(401, { error: 'Unauthorized' })
    const told = request.headers['upstash-encoding'] === 'base64' ? inBase64 : asItIs
    const body = JSON.parse(await textOf(request))
    if (request.url === '/pipeline') return send(200, (await Promise.all(body.map(run(redis)))).map(told))
    if (request.url === '/multi-exec') return send(200, (await transaction(redis, body)).map(told))
    const answer = await run(redis)(body)
    return send('error' in answer ? 400 : 200, told(answer))
  }).listen(0, '127.0.0.1')
  // A connection that is closed as a request comes in is a fault of its own, and not the one that is tested.
  server.keepAliveTimeout = 0
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    token: TOKEN,
    get requests() {
      return requests
    },
    async stop() {
      server.closeAllConnections()
      server.close()
      await redis.quit()
    },
  }
}

const run =
  (redis: Redis) =>
  ([name, ...args]: Command): Promise<Answer> =>
    redis.call(name, ...args).then(
      (result) => ({ result }),
      (error: Error) => ({ error: error.message }),
    )

async function transaction(redis: Redis, commands: Command[]): Promise<Answer[]> {
  const results = (await redis.multi(commands.map(([name, ...args]) => ['call', name, ...args])).exec()) ?? []
  return results.map(([error, result]) => (error === null ? { result } : { error: error.message }))
}

const asItIs = (answer: Answer): Answer => answer

const inBase64 = (answer: Answer): Answer => ('result' in answer ? { result: encoded(answer.result) } : answer)

function encoded(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(encoded)
  return typeof value === 'string' && value !== 'OK' ? Buffer.from(value).toString('base64') : value
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of request.setEncoding('utf8')) text += chunk
  return text
}
