import { ConfigError } from '@sluice/core'
import { withoutPassword } from '@sluice/core/remote'
import { describe, expect, it } from 'vitest'
import { parseRedisUrl } from './redis-url.ts'

const plain = { name: '', db: 0, tls: false, username: undefined, password: undefined }
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
    ['rediss+cluster://a', { ...plain, kind: 'cluster', hosts: [at('a', 6379)], tls: true }],
  ])('%s', (url, parts) => {
    expect(parseRedisUrl(url)).toEqual(parts)
  })

  it.each([
    ['redis:localhost', 'it is not a Redis URL'],
    ['redis://', 'it is not a Redis URL'],
    ['redis://host:port', '"host:port" is not a host with a port'],
    ['redis://a:1,b:2', 'it names several hosts, but is for one server'],
    ['redis://a/one', '"one" is not a database\'s number'],
    ['redis+sentinel://a:1', 'the name of the Sentinel group is missing'],
    ['redis+cluster://a:1/2', 'a cluster has no databases'],
    ['redis://u:%zz@a', 'its user or password is not percent-encoded'],
  ])('%s is refused with what to write instead', (url, why) => {
    const parse = () => parseRedisUrl(url)
    expect(parse).toThrow(ConfigError)
    expect(parse).toThrow(why)
    expect(parse).toThrow("Expected 'redis://host:6379'")
  })

  it('never shows its password', () => {
    expect(() => parseRedisUrl('redis://ann:hunter2@host:x')).toThrow(/^(?!.*hunter2)/)
    expect(withoutPassword('redis+cluster://ann:p@ss@a:1,b:2')).toBe('redis+cluster://…@a:1,b:2')
  })
})
