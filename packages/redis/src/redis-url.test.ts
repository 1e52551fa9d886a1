import { ConfigError, createStore } from '@sluice/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseRedisUrl, shownAddress } from './redis-url.ts'

const plain = { name: '', db: 0, tls: false, username: undefined, password: undefined, prefix: undefined }
const at = (host: string, port: number) => ({ host, port })

describe('a Redis URL', () => {
  it.each([
    ['redis://localhost', { ...plain, kind: 'single', hosts: [at('localhost', 6379)] }],
    ['redis://10.0.0.7:7000/3', { ...plain, kind: 'single', hosts: [at('10.0.0.7', 7000)], db: 3 }],
    ['redis://[::1]:7000', { ...plain, kind: 'single', hosts: [at('::1', 7000)] }],
    ['redis://:secret@h', { ...plain, kind: 'single', hosts: [at('h', 6379)], password: 'secret' }],
    [
      'rediss://ann:p%40ss%2Fword@h:1/0',
      { ...plain, kind: 'single', hosts: [at('h', 1)], tls: true, username: 'ann', password: 'p@ss/word' },
    ],
    ['redis+sentinel://a:1,b/main', { ...plain, kind: 'sentinel', hosts: [at('a', 1), at('b', 26379)], name: 'main' }],
    [
      'redis+sentinel://:pw@a:1/main/2',
      { ...plain, kind: 'sentinel', hosts: [at('a', 1)], name: 'main', db: 2, password: 'pw' },
    ],
    ['redis+cluster://a:1,b:2,c', { ...plain, kind: 'cluster', hosts: [at('a', 1), at('b', 2), at('c', 6379)] }],
    ['redis://h:1/2?prefix=shop:eu', { ...plain, kind: 'single', hosts: [at('h', 1)], db: 2, prefix: 'shop:eu' }],
    ['redis+cluster://a?prefix=shop', { ...plain, kind: 'cluster', hosts: [at('a', 6379)], prefix: 'shop' }],
    ['rediss+cluster://a', { ...plain, kind: 'cluster', hosts: [at('a', 6379)], tls: true }],
  ])('%s', (url, parts) => {
    expect(parseRedisUrl(url)).toEqual(parts)
  })

  it.each([
    ['redis:localhost', 'it is not a Redis URL'],
    ['redis://', 'it is not a Redis URL'],
    ['redis://host:port', 'one of its hosts is not a name or an address with a port'],
    ['redis://host:99999', 'one of its ports is above 65535'],
    ['redis://a:1,b:2', 'it names several hosts, but is for one server'],
    ['redis://a/one', 'the database is not a number'],
    ['redis+sentinel://a:1', 'the name of the Sentinel group is missing'],
    ['redis+cluster://a:1/2', 'a cluster has no databases'],
    ['redis://a?password=x', 'its query can only be ?prefix='],
    ['redis://a?prefix=a{b}', 'its query can only be ?prefix='],
    ['redis://a/0?prefix=', 'its query can only be ?prefix='],
    ['redis://u:%zz@a', 'its user or password is not percent-encoded'],
  ])('%s is refused with what to write instead', (url, why) => {
    const parse = () => parseRedisUrl(url)
    expect(parse).toThrow(ConfigError)
    expect(parse).toThrow(why)
    expect(parse).toThrow("Expected 'redis://host:6379'")
  })

  it('shows where it leads, without user and password', () => {
    const shown = (url: string) => shownAddress(parseRedisUrl(url))
    expect(shown('rediss://ann:p%40ss@h:1/2')).toBe('rediss://h:1/2')
    expect(shown('redis+sentinel://:pw@a:1,[::1]/main')).toBe('redis+sentinel://a:1,[::1]:26379/main')
  })

  it('never shows a part of a password, however it is malformed', () => {
    const secret = fc.stringMatching(/^[A-Z]{6}$/)
    const glue = fc.constantFrom('/', '@', ':', '?', '#', '%', '%zz', '//', '', ' ')
    const scheme = fc.constantFrom(
      'redis://',
      'rediss://',
      'redis+sentinel://',
      'redis+cluster://',
      'mongo://',
      'redis:',
      '',
    )
    const before = fc.constantFrom('', ':', 'ann:', 'ann', 'ann@')
    const after = fc.constantFrom('@host', '@host:x', '@host:1/2', '@', '', '@a:1,b', '/0', '?password=', '@host/main')
    fc.assert(
      fc.property(scheme, before, secret, glue, secret, after, secret, (start, user, one, mid, two, rest, query) => {
        const url = `${start}${user}${one}${mid}${two}${rest}${rest.endsWith('=') ? query : ''}`
        const said: string[] = []
        for (const make of [() => shownAddress(parseRedisUrl(url)), () => void createStore(`x-${url}`)]) {
          try {
            said.push(String(make()))
          } catch (error) {
            said.push(String(error))
          }
        }
        for (const part of [one, two, query]) {
          if (!placesIn(url).some((place) => place.includes(part))) expect(said.join(' ')).not.toContain(part)
        }
      }),
      { numRuns: 2_000 },
    )
  })
})

/** What a well-formed URL says where only a host or a group can stand. */
function placesIn(url: string): readonly string[] {
  try {
    const { hosts, name } = parseRedisUrl(url)
    return [name, ...hosts.map(({ host }) => host)]
  } catch {
    return []
  }
}
