import { ConfigError } from '@sluice/core'
import { withoutPassword } from '@sluice/core/remote'

/** What a URL says of where Redis is and who we are there. */
export interface RedisAddress {
  readonly kind: 'single' | 'sentinel' | 'cluster'
  readonly hosts: readonly { readonly host: string; readonly port: number }[]
  /** The Sentinel group's name. */
  readonly name: string
  readonly db: number
  readonly tls: boolean
  readonly username: string | undefined
  readonly password: string | undefined
}

const EXPECTED =
  "Expected 'redis://host:6379', 'rediss://user:password@host:6379/0', " +
  "'redis+sentinel://host:26379,host:26379/name' or 'redis+cluster://host:6379,host:6379'"

/**
 * Takes a URL of one server, of Sentinels or of a cluster's nodes apart.
 * @throws {ConfigError} on anything else; the password is not repeated.
 */
export function parseRedisUrl(url: string): RedisAddress {
  const parts = /^redis(s)?(?:\+(sentinel|cluster))?:\/\/(?:([^:@/]*)(?::([^@/]*))?@)?([^/?#]+)(?:\/([^?#]*))?$/.exec(
    url,
  )
  if (parts === null) throw wrong(url, 'it is not a Redis URL')
  const [, secure, scheme, username, password, authority = '', path = ''] = parts
  const kind = scheme === 'sentinel' || scheme === 'cluster' ? scheme : 'single'
  const hosts = authority.split(',').map((text) => hostOf(text, kind === 'sentinel' ? 26379 : 6379, url))
  if (kind === 'single' && hosts.length > 1) throw wrong(url, 'it names several hosts, but is for one server')
  const [name = '', dbText = ''] = kind === 'sentinel' ? path.split('/') : ['', path]
  if (kind === 'sentinel' && name === '') throw wrong(url, 'the name of the Sentinel group is missing')
  if (kind === 'cluster' && dbText !== '') throw wrong(url, 'a cluster has no databases')
  if (!/^\d{0,5}$/.test(dbText)) throw wrong(url, `"${dbText}" is not a database's number`)
  return {
    kind,
    hosts,
    name: decoded(name, url) ?? '',
    db: Number(dbText),
    tls: secure !== undefined,
    username: decoded(username, url),
    password: decoded(password, url),
  }
}

function hostOf(text: string, usualPort: number, url: string): { host: string; port: number } {
  const [, ipv6, name, port] = /^(?:\[([\da-f:.]+)\]|([\w.-]+))(?::(\d{1,5}))?$/i.exec(text) ?? []
  const host = ipv6 ?? name
  if (host === undefined) throw wrong(url, `"${text}" is not a host with a port`)
  return { host, port: port === undefined ? usualPort : Number(port) }
}

function decoded(text: string | undefined, url: string): string | undefined {
  if (text === undefined || text === '') return undefined
  try {
    return decodeURIComponent(text)
  } catch {
    throw wrong(url, 'its user or password is not percent-encoded')
  }
}

function wrong(url: string, why: string): ConfigError {
  return new ConfigError(`store: "${withoutPassword(url)}" cannot be used: ${why}. ${EXPECTED}.`)
}
