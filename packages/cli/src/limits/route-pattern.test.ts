import { describe, expect, it } from 'vitest'
import { isRoute, matches, RouteTable, routePattern } from './route-pattern.ts'

describe('a route', () => {
  it.each([
    ['/login', 'POST', '/login', true],
    ['/login', 'POST', '/login/', true],
    ['/login', 'POST', '/login/x', false],
    ['POST /login', 'GET', '/login', false],
    ['post /login', 'POST', '/login', true],
    ['* /login', 'GET', '/login', true],
    ['/users/:id', 'GET', '/users/7', true],
    ['/users/{id}', 'GET', '/users/7', true],
    ['/users/{id}', 'GET', '/users/', false],
    ['/files/{name}.{ext}', 'GET', '/files/a.png', true],
    ['/files/{name}.{ext}', 'GET', '/files/apng', false],
    ['/v1/*', 'GET', '/v1/a/b', true],
    ['/v1/*', 'GET', '/v1', true],
    ['/v1/*', 'GET', '/v10', false],
    ['/*', 'GET', '/', true],
    ['/', 'GET', '/', true],
    ['/', 'GET', '/x', false],
    ['/a.b', 'GET', '/axb', false],
  ])('%s: %s %s is covered: %s', (route, method, path, covered) => {
    expect(matches(routePattern(route), { method, path })).toBe(covered)
  })

  it.each(['login', 'POST login', '', 'POST'])('is none: %j', (text) => {
    expect(isRoute(text)).toBe(false)
    expect(() => routePattern(text)).toThrow('A route is a path with or without a method')
  })
})

describe('RouteTable', () => {
  it('finds the route with the most literal segments', () => {
    const table = new RouteTable(['/users/{id}', '/users/me', '/*', 'POST /users/me'].map(routePattern))
    expect(table.find('GET', '/users/me')).toBe('/users/me')
    expect(table.find('GET', '/users/7')).toBe('/users/{id}')
    expect(table.find('GET', '/other/x/y')).toBe('/*')
  })
})
