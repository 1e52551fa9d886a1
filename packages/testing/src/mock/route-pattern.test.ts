import { describe, expect, it } from 'vitest'
import { matches, routePattern } from './route-pattern.ts'

const isOf = (pattern: string, method: string, path: string): boolean =>
  matches(routePattern('limits', pattern), method, path)

describe('a route pattern', () => {
  it('names a method, or means all', () => {
    expect(isOf('POST /login', 'POST', '/login')).toBe(true)
    expect(isOf('POST /login', 'GET', '/login')).toBe(false)
    expect(isOf('/login', 'GET', '/login')).toBe(true)
  })

  it('has parameters of one part, and * for any text', () => {
    expect(isOf('/users/{id}/posts/:post', 'GET', '/users/7/posts/9')).toBe(true)
    expect(isOf('/users/{id}', 'GET', '/users/7/posts')).toBe(false)
    expect(isOf('/v1/*', 'GET', '/v1/a/b')).toBe(true)
    expect(isOf('*', 'GET', '/')).toBe(true)
  })

  it('takes every other character as it is', () => {
    expect(isOf('/a.b', 'GET', '/axb')).toBe(false)
    expect(isOf('/a.b(c)+', 'GET', '/a.b(c)+')).toBe(true)
  })

  it.each(['login', 'post /login', '', 'GET  /a', '/a b', 7])('refuses %j', (text) => {
    expect(() => routePattern('limits', text)).toThrow(/limits: expected a route such as 'POST \/login'/)
  })
})
