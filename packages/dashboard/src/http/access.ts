import { ConfigError } from '@sluice/core'
import { describe, shown, warn } from '@sluice/core/runtime'
import { type DashboardRequest, HttpError } from './exchange.js'

/** What somebody may do: look, with keys masked, or also reset, ban, override and grant. */
export type Role = 'view' | 'act'

/** What `auth` answers with: a role, `false`, or a role with the name that stands in the audit log. */
export type Access = Role | false | { readonly role: Role; readonly name: string }

/** Who somebody is, and what they may do. It is given the framework's own request: of Koa, the context. */
export type Auth<Req> = (request: Req) => Access | Promise<Access>

export interface Visitor {
  readonly role: Role
  readonly name: string
}

const LOOPBACK = /^(?:127\.\d+\.\d+\.\d+|::1|::ffff:127\.\d+\.\d+\.\d+)$/
const LOCAL_HOST = /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])(?::\d+)?$/i

/** What a proxy adds: a request that has it does not come from this machine, whatever its socket says. */
const OF_PROXIES = ['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-real-ip', 'via'] as const

const CLOSED =
  'The dashboard is open to this machine alone, since it has no auth. Open it at localhost, or write ' +
  "dashboard(limit, { auth: (req) => isAdmin(req) && 'act' })."

/** Who asks. @throws {HttpError} 403 where nobody may. */
export async function visitorOf(request: DashboardRequest, auth: Auth<never> | undefined): Promise<Visitor> {
  if (auth === undefined) return local(request)
  let access: unknown
  try {
    access = await auth(request.original as never)
  } catch (error) {
    warn('SLUICE_DASHBOARD', `auth of the dashboard failed, so nobody was let in: ${describe(error)}`)
    throw new HttpError(403, 'You may not see this.')
  }
  const { role, name } =
    typeof access === 'object' && access !== null
      ? (access as { readonly role?: unknown; readonly name?: unknown })
      : { role: access, name: '' }
  if (role === 'view' || role === 'act') return { role, name: typeof name === 'string' ? name.slice(0, 100) : '' }
  if (access !== false && access !== undefined && access !== null) {
    warn('SLUICE_DASHBOARD', `auth of the dashboard returned ${shown(access)}; expected 'view', 'act' or false.`)
  }
  throw new HttpError(403, 'You may not see this.')
}

/** The host is looked at too: a page elsewhere can have a name that leads to this machine. */
function local({ address = '', headers }: DashboardRequest): Visitor {
  const isProxied = OF_PROXIES.some((name) => headers[name] !== undefined)
  const { host } = headers
  const isLocal = typeof host === 'string' && LOCAL_HOST.test(host)
  if (LOOPBACK.test(address) && isLocal && !isProxied) return { role: 'act', name: 'localhost' }
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
  const { origin, host } = headers
  if (typeof origin === 'string' && URL.canParse(origin) && new URL(origin).host !== host && site === undefined) {
    throw new HttpError(403, 'Actions come from the page itself.')
  }
  if (role !== 'act') throw new HttpError(403, 'You may look, but not change anything.')
}

/** @throws {ConfigError} unless it is a function or nothing. */
export function checkAuth<Req>(auth: Auth<Req> | undefined): Auth<Req> | undefined {
  if (auth === undefined || typeof auth === 'function') return auth
  throw new ConfigError(`auth: expected a function that returns 'view', 'act' or false, got ${shown(auth)}.`)
}
