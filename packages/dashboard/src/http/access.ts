import { randomBytes } from 'node:crypto'
import { ConfigError, createLimiter, memoryStore } from '@sluice/core'
import { clientKey } from '@sluice/core/http'
import { keyDigest } from '@sluice/core/observe'
import { describe, shown, warn } from '@sluice/core/runtime'
import { type DashboardRequest, HttpError } from './exchange.js'

/** What somebody may do: look, with keys masked, or also reset, ban, override and grant. */
export type Role = 'view' | 'act'

/** What `auth` answers with: a role, `false`, or a role with the name that stands in the audit log. */
export type Access = Role | false | '' | null | undefined | { readonly role: Role; readonly name: string }

/** Who somebody is, and what they may do. It is given the framework's own request: of Koa, the context. */
export type Auth<Req> = (request: Req) => Access | Promise<Access>

export interface Visitor {
  readonly role: Role
  readonly name: string
}

const LOOPBACK = /^(?:127\.0\.0\.1|::1|::ffff:127\.0\.0\.1)$/
const LOCAL_HOST = /^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?$/i

/** What proxies add: a request that has it does not come from this machine, whatever its socket says. */
const OF_PROXIES = /^(?:x-forwarded-.*|forwarded|via|x-real-ip|true-client-ip|x-client-ip|cf-.*|x-envoy-.*|x-amzn-.*)$/

const CLOSED =
  'The dashboard is open to this machine alone, since it has no auth, and not at all with NODE_ENV=production. Open it at ' +
  "localhost, or write dashboard(limit, { auth: (req) => isAdmin(req) && 'act' })."

/** Attempts that `auth` refuses, for each address: a dashboard is not to be broken into by guessing. */
const ATTEMPTS = '30/min'

const MOST_KNOWN = 1_000

/** Who may come in. */
export class Doorman {
  readonly #auth: Auth<never> | undefined
  readonly #refused = createLimiter({
    name: 'sluice-dashboard',
    policies: ATTEMPTS,
    store: memoryStore({ maxKeys: 10_000 }),
  })
  readonly #complaints = new Map<string, number>()
  readonly #secret = randomBytes(16).toString('hex')
  /** Credentials that were let in, as hashes. */
  readonly #known = new Set<string>()

  constructor(auth: Auth<never> | undefined) {
    this.#auth = auth
  }

  /** Who asks. @throws {HttpError} 403 where nobody may, 429 after too many attempts. */
  async visitor(request: DashboardRequest): Promise<Visitor> {
    if (this.#auth === undefined) return local(request)
    const from = clientKey(request.address ?? '0.0.0.0')
    const credentials =
      keyDigest(`${request.headers['authorization']}\n${request.headers['cookie']}`, this.#secret) ?? ''
    // Behind a proxy all have one address: who was let in with these is not shut out by others who guess.
    if (!this.#known.has(credentials) && !this.#refused.peek(from).allowed)
      throw new HttpError(429, 'Too many attempts; try again in a minute.')
    const access = await this.#ask(request.original)
    const visitor = visitorOf(access)
    if (visitor !== undefined) {
      if (this.#known.size >= MOST_KNOWN) this.#known.clear()
      this.#known.add(credentials)
      return visitor
    }
    this.#known.delete(credentials)
    this.#refused.consume(from)
    if (access) this.#complain(`returned ${shown(access)}; expected 'view', 'act' or false`)
    throw new HttpError(403, 'You may not see this.')
  }

  async #ask(original: unknown): Promise<unknown> {
    try {
      return await this.#auth?.(original as never)
    } catch (error) {
      this.#complain(`failed, so nobody was let in: ${describe(error)}`)
      return false
    }
  }

  /** Of the same once a minute: whoever has an old token asks again and again. */
  #complain(what: string): void {
    const now = performance.now()
    if (now - (this.#complaints.get(what) ?? Number.NEGATIVE_INFINITY) < 60_000) return
    if (this.#complaints.size >= 100) this.#complaints.clear()
    this.#complaints.set(what, now)
    warn('SLUICE_DASHBOARD', `auth of the dashboard ${what}.`)
  }
}

function visitorOf(access: unknown): Visitor | undefined {
  const { role, name } =
    typeof access === 'object' && access !== null
      ? (access as { readonly role?: unknown; readonly name?: unknown })
      : { role: access, name: '' }
  if (role !== 'view' && role !== 'act') return undefined
  return { role, name: typeof name === 'string' ? name.slice(0, 100) : '' }
}

/**
 * That a proxy on this machine says nothing of itself cannot be seen, so in production there is no way in without `auth`. The host is
 * looked at too: a page elsewhere can have a name that leads to this machine.
 */
function local({ address = '', headers, version }: DashboardRequest): Visitor {
  const isProxied = Object.keys(headers).some((name) => OF_PROXIES.test(name)) || version === '1.0'
  const { host = headers[':authority'] } = headers
  const isLocal = typeof host === 'string' && LOCAL_HOST.test(host)
  const isProduction = process.env['NODE_ENV'] === 'production'
  if (LOOPBACK.test(address) && isLocal && !isProxied && !isProduction) return { role: 'act', name: 'localhost' }
  throw new HttpError(403, CLOSED)
}

/**
 * Whether a request to change something was made by the dashboard's own page: other sites can send neither this field nor JSON
 * without asking first, and are never answered that they may.
 * @throws {HttpError} 403, 405 or 415.
 */
export function checkAction({ method, headers }: DashboardRequest, { role }: Visitor): void {
  if (method !== 'POST') throw new HttpError(405, 'Actions are sent by POST.')
  const type = String(headers['content-type'] ?? '')
  if (!/^application\/json(?:;|$)/i.test(type)) throw new HttpError(415, 'Actions are sent as application/json.')
  if (headers['x-sluice-action'] !== '1') throw new HttpError(403, 'Actions need the field X-Sluice-Action: 1.')
  const site = headers['sec-fetch-site']
  if (site !== undefined && site !== 'same-origin') throw new HttpError(403, 'Actions come from the page itself.')
  const { origin, host = headers[':authority'] } = headers
  // A proxy may give it another host: then the browser's own word has to do.
  const isOwn = origin === undefined || (URL.canParse(String(origin)) && new URL(String(origin)).host === host)
  if (!isOwn && site !== 'same-origin') throw new HttpError(403, 'Actions come from the page itself.')
  if (role !== 'act') throw new HttpError(403, 'You may look, but not change anything.')
}

/** @throws {ConfigError} unless it is a function or nothing. */
export function checkAuth<Req>(auth: Auth<Req> | undefined): Auth<Req> | undefined {
  if (auth === undefined || typeof auth === 'function') return auth
  throw new ConfigError(`auth: expected a function that returns 'view', 'act' or false, got ${shown(auth)}.`)
}
