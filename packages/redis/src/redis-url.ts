import { ConfigError } from '@sluice/core'

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
  /** Of `?prefix=`: what stands before every bucket's name. */
  readonly prefix: string | undefined
}

const EXPECTED =
  "Expected 'redis://host:6379', 'rediss://user:password@host:6379/0', " +
  "'redis+sentinel://host:26379,host:26379/name' or 'redis+cluster://host:6379,host:6379', each with ?prefix=shop or without"

/**
 * Takes a URL of one server, of Sentinels or of a cluster's nodes apart.
 * @throws {ConfigError} on anything else. Its message repeats nothing of the URL: in a malformed one, any part may be
 * part of a password.
 */
export function parseRedisUrl(url: string): RedisAddress {
  const parts =
    /^redis(s)?(?:\+(sentinel|cluster))?:\/\/(?:([^:@/?#]*)(?::([^@/?#]*))?@)?([^/?#@]+)(?:\/([^?#]*))?(?:\?([^#]*))?$/.exec(
      url,
    )
  if (parts === null) throw wrong('it is not a Redis URL; special characters in a user or password are percent-encoded')
  const [, secure, scheme, username, password, authority = '', path = '', query] = parts
  const kind = scheme === 'sentinel' || scheme === 'cluster' ? scheme : 'single'
  const hosts = authority.split(',').map((text) => hostOf(text, kind === 'sentinel' ? 26379 : 6379))
  if (kind === 'single' && hosts.length > 1) throw wrong('it names several hosts, but is for one server')
  const [name = '', dbText = ''] = kind === 'sentinel' ? path.split('/') : ['', path]
  if (kind === 'sentinel' && name === '') throw wrong('the name of the Sentinel group is missing')
  if (name.includes('@')) throw wrong('special characters in a user or password are percent-encoded')
  if (kind === 'cluster' && dbText !== '') throw wrong('a cluster has no databases')
  if (!/^\d{0,5}$/.test(dbText)) throw wrong('the database is not a number')
  return {
    kind,
    hosts,
    name: decoded(name) ?? '',
    db: Number(dbText),
    tls: secure !== undefined,
    username: decoded(username),
    password: decoded(password),
    prefix: query === undefined ? undefined : prefixOf(query),
  }
}

function prefixOf(query: string): string {
  const [, prefix] = /^prefix=([\w.:-]{1,64})$/.exec(query) ?? []
  if (prefix !== undefined) return prefix
  throw wrong('its query can only be ?prefix= with 1 to 64 letters, digits and _.:-')
}

function hostOf(text: string, usualPort: number): { host: string; port: number } {
  const [, ipv6, name, port] = /^(?:\[([\da-f:.]+)\]|([\w.-]+))(?::(\d{1,5}))?$/i.exec(text) ?? []
  const host = ipv6 ?? name
  if (host === undefined) throw wrong('one of its hosts is not a name or an address with a port')
  if (Number(port ?? usualPort) > 65_535) throw wrong('one of its ports is above 65535')
  return { host, port: Number(port ?? usualPort) }
}

function decoded(text: string | undefined): string | undefined {
  if (text === undefined || text === '') return undefined
  try {
    return decodeURIComponent(text)
  } catch {
    throw wrong('its user or password is not percent-encoded')
  }
}

function wrong(why: string): ConfigError {
  return new ConfigError(`store: the URL cannot be used: ${why}. ${EXPECTED}.`)
}

/** An address as it may be shown: without user and password. */
export function shownAddress({ kind, hosts, name, db, tls }: RedisAddress): string {
  const scheme = `redis${tls ? 's' : ''}${kind === 'single' ? '' : `+${kind}`}`
  const authority = hosts.map(({ host, port }) => `${host.includes(':') ? `[${host}]` : host}:${port}`).join(',')
  const path = [name, db === 0 ? '' : String(db)].filter((part) => part !== '').join('/')
  return `${scheme}://${authority}${path === '' ? '' : `/${path}`}`
}
