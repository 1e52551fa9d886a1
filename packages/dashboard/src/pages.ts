import { describe, isError, warn } from '@sluice/core/runtime'
import { act } from './api/actions.js'
import { config, key, outbound, overview, policy, quotas } from './api/views.js'
import { assets } from './assets.js'
import { type Auth, checkAction, Doorman, type Visitor } from './http/access.js'
import { type DashboardRequest, type DashboardResponse, HttpError, json, text } from './http/exchange.js'
import type { Hub } from './hub.js'

/** What stands under which path. */
export class Pages {
  readonly #hub: Hub
  readonly #doorman: Doorman
  #warned = ''

  constructor(hub: Hub, auth: Auth<never> | undefined) {
    this.#hub = hub
    this.#doorman = new Doorman(auth)
  }

  /**
   * @param target the path as the browser has it, as far as this server knows.
   * @param letIn called where somebody may see it.
   */
  async answer(request: DashboardRequest, target: string, letIn: () => void): Promise<DashboardResponse> {
    try {
      const visitor = await this.#doorman.visitor(request)
      letIn()
      const { path } = request
      if (path === '/' && !/\/(?:$|\?)/.test(target)) return redirectTo(target)
      if (path.startsWith('/api/')) return await this.#api(path.slice('/api/'.length), request, visitor)
      if (request.method !== 'GET' && request.method !== 'HEAD') throw new HttpError(405, 'Pages are read by GET.')
      return assetAt(path === '/' ? 'index.html' : path.slice(1), request)
    } catch (error) {
      const { status, message } = error instanceof HttpError ? error : this.#failed(error)
      return request.path.startsWith('/api/') ? json({ error: message }, status) : text(status, message)
    }
  }

  /** What a store that is away says is for people; of anything else the process is warned. */
  #failed(error: unknown): HttpError {
    const sentence = describe(error)
    if (isError(error) && 'code' in error && error.code === 'SLUICE_STORE') {
      return new HttpError(503, `The store does not answer: ${sentence}`)
    }
    if (this.#warned !== sentence) warn('SLUICE_DASHBOARD', `The dashboard failed: ${sentence}`)
    this.#warned = sentence
    return new HttpError(500, 'The dashboard failed; the process was warned of it.')
  }

  async #api(name: string, request: DashboardRequest, visitor: Visitor): Promise<DashboardResponse> {
    const hub = this.#hub
    const masked = visitor.role === 'view'
    if (name === 'act') {
      checkAction(request, visitor)
      return json(await act(hub, visitor, await request.body()))
    }
    if (request.method !== 'GET') throw new HttpError(405, 'This is read by GET.')
    await hub.freshen()
    switch (name) {
      case 'me':
        return json({ role: visitor.role, name: visitor.name })
      case 'overview':
        return json(await overview(hub))
      case 'policy':
        return json(await policy(hub, request.query, masked))
      case 'key':
        return json(await key(hub, request.query, masked))
      case 'quotas':
        return json(await quotas(hub, masked))
      case 'config':
        return json(config(hub))
      case 'outbound':
        return json(outbound(hub, masked))
      case 'audit':
        return json({ entries: hub.shown(await hub.audit.read(200), masked) })
      case 'live':
        return live(hub, masked)
      default:
        throw new HttpError(404, 'There is nothing here.')
    }
  }
}

function live(hub: Hub, masked: boolean): DashboardResponse {
  if (hub.live.isFull) throw new HttpError(503, 'Too many people watch the live page.')
  return {
    status: 200,
    headers: {
      'content-type': 'text/event-stream; charset=utf-8',
      // Neither a cache, nor compression, nor a proxy may hold it back.
      'cache-control': 'no-store, no-transform',
      'x-accel-buffering': 'no',
    },
    body: undefined,
    stream: (write, end) => hub.live.add(write, end, masked),
  }
}

/** Assets are found relative to the page, so that it works under any path: it has to end in a slash. */
function redirectTo(target: string): DashboardResponse {
  const [path = '', query] = target.split('?', 2)
  const last = path.slice(path.lastIndexOf('/') + 1)
  const location = `${last}/${query === undefined ? '' : `?${query}`}`
  return { status: 308, headers: { location, 'cache-control': 'no-store' }, body: undefined }
}

function assetAt(name: string, { headers, method }: DashboardRequest): DashboardResponse {
  const asset = assets.get(name)
  if (asset === undefined) throw new HttpError(404, 'There is nothing here.')
  const accepted = String(headers['accept-encoding'] ?? '')
  const encoding = /\bbr\b/.test(accepted) ? 'br' : /\bgzip\b/.test(accepted) ? 'gzip' : undefined
  const body = encoding === undefined ? asset.plain() : encoding === 'br' ? asset.br : asset.gzip
  return {
    status: 200,
    headers: {
      'content-type': asset.type,
      // Names have the hash of what is in them, but for the page's own.
      'cache-control': name === 'index.html' ? 'no-cache' : 'public, max-age=31536000, immutable',
      vary: 'Accept-Encoding',
      ...(encoding === undefined ? {} : { 'content-encoding': encoding }),
      'content-length': String(body.length),
    },
    body: method === 'HEAD' ? undefined : body,
  }
}

const APIS = ['act', 'me', 'overview', 'policy', 'key', 'quotas', 'config', 'outbound', 'audit', 'live']

/** What stands below a mount point: nothing else is kept from the limits of an app. */
export function isOwnPath(method: string, path: string): boolean {
  if (method === 'POST') return path === '/api/act'
  if (method !== 'GET' && method !== 'HEAD') return false
  if (path === '' || path === '/') return true
  return path.startsWith('/api/') ? APIS.includes(path.slice('/api/'.length)) : assets.has(path.slice(1))
}
