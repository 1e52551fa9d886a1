import { describe, expect, it } from 'vitest'
import { mountPaths } from './express-4-paths.js'
import { coverage, pathShape, pathTemplates } from './path-template.js'

describe('pathTemplates', () => {
  it.each([
    ['/', ['/']],
    ['/users/:id', ['/users/{id}']],
    ['/users/:id/', ['/users/{id}']],
    ['/users/:id(\\d+)/posts', ['/users/{id}/posts']],
    ['/users/:id(^([0-9]+)$)', ['/users/{id}']],
    ['/flights/:from-:to', ['/flights/{from}-{to}']],
    ['/users/:id?', ['/users', '/users/{id}']],
    ['/users{/:id}', ['/users', '/users/{id}']],
    ['/files/*path', ['/files/{*}']],
    ['/files/*', ['/files/{*}']],
    ['*', ['{*}']],
    ['/v1/users::watch', ['/v1/users:watch']],
    ['/a\\.b', ['/a.b']],
    ['', ['/']],
  ])('writes %s as OpenAPI does', (path, templates) => {
    expect(pathTemplates(path)).toEqual(templates)
  })
})

describe('mountPaths', () => {
  it.each([
    ['^\\/users\\/?(?=\\/|$)', [], ['/users']],
    ['^(?:\\/([^/]+?))\\/deep\\/?(?=\\/|$)', ['id'], ['/{id}/deep']],
    ['^\\/a\\.b(?:\\/(\\d+))(?:\\/([^/]+?))?\\/?(?=\\/|$)', ['x', 'y'], ['/a.b/{x}', '/a.b/{x}/{y}']],
    ['^\\/q\\/?(?=\\/|$)|^\\/w\\/?(?=\\/|$)', [], ['/q', '/w']],
    ['^(?:\\/([a-z]{2}))-(?:((?:(?!\\/|-).)+?))\\/?(?=\\/|$)', ['p', 'z'], ['/{p}-{z}']],
    ['^\\/v[12]', [], []],
    ['^\\/v[12]\\/?(?=\\/|$)', [], []],
  ])('reads %s of Express 4', (source, keys, paths) => {
    expect(
      mountPaths(
        source,
        keys.map((name) => ({ name })),
      ),
    ).toEqual(paths)
  })
})

function covers(route: string, path: string): boolean {
  return coverage(route).test(pathShape(path))
}

describe('coverage', () => {
  it.each([
    ['/users/{id}', '/users/me', true],
    ['/users/{id}', '/users/{userId}', true],
    ['/users/me', '/users/{id}', false],
    ['/users/{id}', '/users/{id}/posts', false],
    ['/files/{*}', '/files/{name}/versions', true],
    ['/a.b', '/axb', false],
  ])('%s covers %s: %s', (route, path, yes) => {
    expect(covers(route, path)).toBe(yes)
  })

  it('takes no time for a path of many parameters', () => {
    expect(covers('/{a}-{b}'.repeat(20), `/${'a-'.repeat(200)}`)).toBe(false)
    expect(covers(`/${'{a}'.repeat(30)}!`, `/${'a'.repeat(200)}`)).toBe(false)
  })
})

describe('pathShape', () => {
  it('is the same whatever parameters are called', () => {
    expect(pathShape('/users/{id}/')).toBe(pathShape('/users/{userId}'))
  })
})
