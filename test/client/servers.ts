import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A server on a port of its own, which notes when it was asked for what. */
export interface Noted {
  readonly url: string
  readonly requests: readonly NotedRequest[]
  /** Milliseconds between requests. */
  gaps(): number[]
  stop(): void
}

export interface NotedRequest {
  readonly at: number
  readonly method: string
  readonly path: string
  readonly headers: IncomingMessage['headers']
}

export async function noted(
  listener: (req: IncomingMessage, res: ServerResponse, number: number) => void,
): Promise<Noted> {
  const requests: NotedRequest[] = []
  const handler: RequestListener = (req, res) => {
    requests.push({ at: performance.now(), method: req.method ?? '', path: req.url ?? '', headers: req.headers })
    listener(req, res, requests.length)
  }
  const server = createServer(handler)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    gaps: () => requests.slice(1).map(({ at }, i) => at - (requests[i]?.at ?? 0)),
    stop() {
      server.closeAllConnections()
      server.close()
    },
  }
}

/** Answers with these, one after the other, and then with the last. */
export function inOrder(
  ...answers: readonly (readonly [status: number, headers?: Record<string, string | string[]>, body?: string])[]
): (req: IncomingMessage, res: ServerResponse, number: number) => void {
  return (_req, res, number) => {
    const [status, headers = {}, body = 'ok'] = answers[Math.min(number, answers.length) - 1] ?? [200]
    res.writeHead(status, headers)
    res.end(body)
  }
}
