import { describe, expect, it } from 'vitest'
import { describeLimits } from '../limits/describe-limits.js'
import { configuredRoutes, type LimitNames } from './configured-routes.js'

const limits = describeLimits({ limits: { api: '100/min', login: '5/15min', search: '10/s' } })

function named(document: object, routes?: Record<string, LimitNames>): Record<string, readonly string[]> {
  const found = configuredRoutes({ openapi: '3.1.0', ...document }, limits, { routes })
  return Object.fromEntries(
    found.map(({ method, path, limits: own }) => [`${method} ${path}`, own.map(({ name }) => name)]),
  )
}

describe('configuredRoutes', () => {
  it('goes by x-sluice-limit of the operation, before the map, before the operationId', () => {
    const paths = {
      '/a': {
        get: { 'x-sluice-limit': 'api', operationId: 'login' },
        put: { operationId: 'login' },
        post: { operationId: 'login' },
      },
    }
    expect(named({ paths }, { 'GET /a': 'search', 'PUT /a': 'search' })).toEqual({
      'GET /a': ['api'],
      'PUT /a': ['search'],
      'POST /a': ['login'],
    })
  })

  it('goes by the path where the operation has no limit, and by the document where the path has none', () => {
    const paths = { '/a': { 'x-sluice-limit': ['api', 'search'], get: {} }, '/b': { get: {} }, '/c': { get: {} } }
    expect(named({ paths, 'x-sluice-limit': 'login' }, { '/b': 'search', '*': 'api' })).toEqual({
      'GET /a': ['api', 'search'],
      'GET /b': ['search'],
      'GET /c': ['login'],
    })
    expect(named({ paths }, { '*': 'api' })).toMatchObject({ 'GET /c': ['api'] })
  })

  it('exempts by false', () => {
    const paths = { '/a': { get: { 'x-sluice-limit': false } }, '/b': { get: {} } }
    expect(named({ paths }, { '*': 'api', 'GET /b': false })).toEqual({ 'GET /a': [], 'GET /b': [] })
  })

  it('gives no limit where nothing names one', () => {
    expect(named({ paths: { '/a': { get: { operationId: 'constructor' } } } })).toEqual({ 'GET /a': [] })
  })

  it.each<[Record<string, LimitNames>, RegExp]>([
    [{ '*': 'serach' }, /^routes: \*: there is no limit "serach". Did you mean "search"\?$/],
    [{ '*': 'quite-another' }, /There are: api, login, search\.$/],
    [{ 'GET /aa': 'api' }, /^routes: the document has no operation "GET \/aa". Did you mean 'GET \/a'\?$/],
    [{ '*': 7 as never }, /^routes: \*: expected the name of a limit, a list of them, or false for none, got 7\.$/],
  ])('refuses %j', (routes, message) => {
    expect(() => named({ paths: { '/a': { get: {} } } }, routes)).toThrow(message)
  })
})
