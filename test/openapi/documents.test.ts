import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadConfig } from '@sluice/config'
import { concurrency, tokenBucket } from '@sluice/core'
import { sluice } from '@sluice/express'
import {
  checkDocument,
  configuredRoutes,
  type DescribedLimit,
  describeLimits,
  documentLimits,
  documentText,
  type LimitedRoute,
  limitedRoutes,
  overlayOf,
} from '@sluice/openapi'
import { quota } from '@sluice/quota'
import express from 'express'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { applyOverlay } from './apply-overlay.js'
import { complaints } from './spectral.js'

const bookshop = readFileSync(new URL('./bookshop.yaml', import.meta.url), 'utf8')

const config = {
  plans: { free: '60/min', pro: ['600/min', quota('1M/month')] },
  limits: {
    api: { plan: () => 'free', key: () => 'a key' },
    login: '5/15min',
    search: { policies: [tokenBucket('10/s', { burst: 40 }), quota('10k/month')], cost: 2 },
    export: concurrency(2),
  },
}

const limits = describeLimits(config, { keys: { api: 'API key' } })

function routesOf(document: object): readonly LimitedRoute[] {
  return configuredRoutes(document, limits, { routes: { '*': 'api' } })
}

/** One operation with one limit. */
function small(version: string, operation: object): object {
  return { openapi: version, info: { title: 'Small', version: '1' }, paths: { '/a': { get: operation } } }
}

function at(limit: string | undefined, path = '/a'): readonly LimitedRoute[] {
  return [{ method: 'GET', path, limits: limits.filter(({ name }) => name === limit) }]
}

function operationIn(document: object, path = '/a'): Record<string, never> {
  return (document as { paths: Record<string, { get: Record<string, never> }> }).paths[path]?.get ?? {}
}

describe('documentLimits', () => {
  it.each(['3.0.3', '3.1.0', '3.2.0'])('lets the OWASP rules pass on a document of OpenAPI %s', async (version) => {
    const document = {
      ...parse(bookshop),
      openapi: version,
    }
    // What a server of the client's answers to a callback is none of the server's own limits.
    delete document.paths['/orders'].post.callbacks
    expect((await complaints(document)).length).toBeGreaterThan(20)
    expect(await complaints(documentLimits(document, routesOf(document)))).toEqual([])
  })

  it('lets them pass on a document whose limits use older fields', async () => {
    for (const headers of ['draft-6', 'draft-7', 'legacy'] as const) {
      const older = describeLimits({ headers, limits: { all: '5/min' } })
      const document = small('3.0.0', { responses: { 200: { description: 'Fine.' } } })
      expect(await complaints(documentLimits(document, [{ method: 'GET', path: '/a', limits: older }]))).toEqual([])
    }
  })

  it('adds a 429, fields, an x-ratelimit block and a sentence to each limited operation', () => {
    const document = documentLimits(small('3.1.0', { responses: { 200: { description: 'Fine.' } } }), at('search'))
    expect(operationIn(document)).toEqual({
      description:
        '**Rate limit:** 10 requests per second and 10,000 requests per calendar month for each client address. ' +
        'A request counts as 2 requests.',
      responses: {
        200: {
          description: 'Fine.',
          headers: {
            RateLimit: { $ref: '#/components/headers/RateLimit' },
            'RateLimit-Policy': { $ref: '#/components/headers/RateLimit-Policy' },
          },
        },
        429: { $ref: '#/components/responses/RateLimited' },
      },
      'x-ratelimit': {
        'x-generated-by': '@sluice/openapi',
        policies: [
          { name: 'search-1s', quota: 10, unit: 'requests', window: 1, key: 'ip', cost: 2 },
          { name: 'search-month', quota: 10_000, unit: 'requests', period: 'month', key: 'ip', cost: 2 },
        ],
      },
    })
  })

  it('describes plans, and whose quota it is', () => {
    const document = documentLimits(small('3.1.0', {}), at('api'))
    expect(operationIn(document)['description']).toBe(
      '**Rate limit:** Plan free: 60 requests per minute for each API key. ' +
        'Plan pro: 600 requests per minute and 1,000,000 requests per calendar month for each API key.',
    )
    expect(operationIn(document)['x-ratelimit']?.['policies']).toContainEqual({
      name: 'api-1min',
      quota: 600,
      unit: 'requests',
      window: 60,
      key: 'API key',
      cost: 1,
      plan: 'pro',
    })
  })

  it('extends a 429 that somebody wrote, and keeps what it says', () => {
    const own = {
      description: 'Slow down.',
      headers: { 'retry-after': { description: 'Ours.', schema: { type: 'string' } } },
      content: { 'application/json': { schema: { type: 'object' } } },
    }
    const { responses } = operationIn(documentLimits(small('3.0.0', { responses: { 429: own } }), at('login')))
    expect(responses?.['429']).toMatchObject(own)
    expect(Object.keys(responses?.['429']?.['headers'] ?? {})).toEqual(['retry-after', 'RateLimit', 'RateLimit-Policy'])
    expect(Object.keys(responses?.['429']?.['content'] ?? {})).toEqual(['application/json', 'application/problem+json'])
  })

  it('gives fields to a shared response that only limited operations use, and a copy to them where others use it too', () => {
    const document = documentLimits(parse(bookshop), routesOf(parse(bookshop)).map(exceptHealth)) as Bookshop
    const { responses } = document.components
    expect(document.paths['/books/{bookId}']?.['get']?.responses[200]).toEqual({
      $ref: '#/components/responses/OneBook',
    })
    expect(Object.keys(responses['OneBook']?.headers ?? {})).toEqual(['RateLimit', 'RateLimit-Policy'])
    expect(document.paths['/health']?.['get']?.responses[404]).toEqual({ $ref: '#/components/responses/NotFound' })
    expect(responses['NotFound']).toEqual({ description: 'There is no such thing.' })
    expect(document.paths['/books/{bookId}']?.['get']?.responses[404]).toEqual({
      $ref: '#/components/responses/NotFound-RateLimited',
    })
    expect(Object.keys(responses['NotFound-RateLimited']?.headers ?? {})).toEqual(['RateLimit', 'RateLimit-Policy'])
  })

  it('leaves webhooks, callbacks and operations without a limit alone', () => {
    const before = parse(bookshop)
    const after = documentLimits(parse(bookshop), routesOf(before).map(exceptHealth)) as typeof before
    expect(after.webhooks).toEqual(before.webhooks)
    expect(after.paths['/orders'].post.callbacks).toEqual(before.paths['/orders'].post.callbacks)
    expect(after.paths['/health']).toEqual(before.paths['/health'])
  })

  it('changes nothing the second time', () => {
    const once = documentLimits(parse(bookshop), routesOf(parse(bookshop)))
    expect(documentLimits(once, routesOf(once))).toEqual(once)
  })

  it('does not change the document that it is given', () => {
    const document = parse(bookshop)
    documentLimits(document, routesOf(document))
    expect(document).toEqual(parse(bookshop))
  })

  it('replaces what was generated when limits change, and removes it with them', () => {
    const before = parse(bookshop)
    const once = documentLimits(before, routesOf(before))
    const changed = routesOf(before).map((route) => ({
      ...route,
      limits: limits.filter(({ name }) => name === 'login'),
    }))
    expect(documentLimits(once, changed)).toEqual(documentLimits(before, changed))
    expect(documentLimits(once, [])).toEqual(before)
  })

  it('leaves an x-ratelimit block that somebody wrote', () => {
    const document = documentLimits(small('3.1.0', { 'x-ratelimit': { tier: 2 } }), at('login'))
    expect(operationIn(document)['x-ratelimit']).toEqual({ tier: 2 })
  })

  it('leaves components of the same names that somebody wrote', () => {
    const own = {
      headers: { RateLimit: { schema: { type: 'integer' } } },
      responses: { RateLimited: { description: 'Ours.' } },
    }
    const document = documentLimits({ ...small('3.1.0', {}), components: own }, at('login')) as unknown as Bookshop
    expect(document.components).toMatchObject(own)
    expect(operationIn(document)['responses']?.['429']).toEqual({ $ref: '#/components/responses/RateLimited-2' })
    expect(Object.keys(document.components['headers'])).toContain('RateLimit-2')
  })

  it('documents 503 where clients share slots, and no denial where a limit only slows down', () => {
    const [shared, slow] = ['shared', 'slow'].map((name) =>
      describeLimits({
        limits: {
          shared: concurrency(9, { shared: true }),
          slow: { policies: '5/min', delay: { after: 1, stepMs: 10 } },
        },
      }).filter((limit) => limit.name === name),
    ) as [DescribedLimit[], DescribedLimit[]]
    const statuses = (own: readonly DescribedLimit[]): string[] =>
      Object.keys(
        operationIn(documentLimits(small('3.1.0', {}), [{ method: 'GET', path: '/a', limits: own }]))['responses'] ??
          {},
      )
    expect(statuses(shared)).toEqual(['503'])
    expect(statuses(slow)).toEqual([])
  })

  it('describes no body where a limit has a response of its own', () => {
    const own = describeLimits({ limits: { a: { policies: '5/min', response: () => ({ body: 'no' }) } } })
    const document = documentLimits(small('3.1.0', {}), [
      { method: 'GET', path: '/a', limits: own },
    ]) as unknown as Bookshop
    expect(document.components.responses['RateLimited-custom']?.content).toEqual({ '*/*': {} })
  })

  it('says nothing of limits in shadow mode', () => {
    expect(describeLimits({ limits: { a: { policies: '5/min', shadow: true } } })).toEqual([])
  })

  it('finds operations behind the path of a server, and whatever parameters are called', () => {
    const document = {
      ...small('3.1.0', {}),
      servers: [{ url: 'https://a.example/{v}', variables: { v: { default: 'v1' } } }],
    }
    expect(operationIn(documentLimits(document, at('login', '/v1/a')))).toHaveProperty('x-ratelimit')
    const books = { openapi: '3.1.0', paths: { '/books/{bookId}': { get: {} } } }
    expect(operationIn(documentLimits(books, at('login', '/books/{id}')), '/books/{bookId}')).toHaveProperty(
      'x-ratelimit',
    )
  })

  it('takes documents of people who mean no good', () => {
    const hostile = JSON.parse(`{ "openapi": "3.1.0", "paths": {
      "__proto__": { "get": { "responses": { "404": { "$ref": "#/components/responses/__proto__" } } } },
      "/a": { "get": { "responses": { "200": { "$ref": "#/components/responses/A" }, "404": { "$ref": "./other.yaml" } } } },
      "/null": null, "/list": [], "/text": "text", "/odd": { "get": { "responses": { "200": 7 }, "description": 7 } }
    }, "components": { "responses": {
      "A": { "$ref": "#/components/responses/B" }, "B": { "$ref": "#/components/responses/A" }, "__proto__": { "description": "x" }
    } } }`)
    const routes = [{ method: '*', path: '{*}', limits: limits.filter(({ name }) => name === 'login') }]
    const document = documentLimits(hostile, routes) as typeof hostile
    const paths = new Map<string, typeof hostile>(Object.entries(document.paths))
    expect(paths.get('__proto__').get['x-ratelimit'].policies[0].name).toBe('login')
    expect(paths.get('/a').get.responses[200]).toEqual({ $ref: '#/components/responses/A' })
    expect(paths.get('/odd').get['x-ratelimit'].policies[0].name).toBe('login')
    expect(documentLimits(document, routes)).toEqual(document)
    expect(documentLimits(document, [])).toEqual(hostile)
    expect(Object.getPrototypeOf(document.paths)).toBe(Object.prototype)
  })

  it.each([
    [null, /expected a parsed OpenAPI document, as JSON.parse returns one, got null/],
    ['openapi: 3.1.0', /got "openapi: 3.1.0"/],
    [[], /got an array/],
    [{ swagger: '2.0' }, /expected OpenAPI 3.0 or newer, got Swagger "2.0"/],
    [{ openapi: 3.1 }, /expected openapi: 3.0, 3.1 or 3.2, as in openapi: 3.1.0, got 3.1/],
    [{ openapi: '4.0.0' }, /got "4.0.0"/],
    [{ openapi: '3.1.0', paths: [] }, /paths: expected path items by their paths.*got an array/],
  ])('refuses %j', (document, message) => {
    expect(() => documentLimits(document as object, [])).toThrow(message)
  })

  it('takes a document without paths, and refuses what are no routes', () => {
    expect(documentLimits({ openapi: '3.1.0' }, at('login'))).toEqual({ openapi: '3.1.0' })
    expect(() => documentLimits({ openapi: '3.1.0' }, limits as never)).toThrow(/expected routes, as limitedRoutes/)
  })
})

describe('describeLimits', () => {
  it('describes what a configuration file says, with the sources of its keys', async () => {
    const path = join(mkdtempSync(join(tmpdir(), 'sluice-openapi-')), 'sluice.config.yaml')
    writeFileSync(
      path,
      `
store: redis://localhost:1
defaults: { headers: draft-6 }
plans: { free: 60/min, pro: [600/min, { quota: 1M/month }] }
limits:
  login: 5/15min
  search: { policies: [{ tokenBucket: 10/s }], key: [header:x-api-key, ip], cost: 2 }
  api: { plan: header:x-plan, key: header:x-api-key }
`,
    )
    const described = describeLimits(await loadConfig(path))
    expect(described.map(({ name, dialects }) => [name, ...dialects])).toEqual(
      ['login', 'search', 'api'].map((name) => [name, 'draft-6']),
    )
    expect(described[1]?.policies[0]).toMatchObject({ key: 'header:x-api-key, ip', cost: 2, quota: 10, window: 1 })
    expect(described[2]?.policies.map(({ plan, name, key }) => [plan, name, key])).toEqual([
      ['free', 'api', 'header:x-api-key'],
      ['pro', 'api-1min', 'header:x-api-key'],
      ['pro', 'api-month', 'header:x-api-key'],
    ])
  })

  it('knows no policies where a function chooses them', () => {
    const limit = sluice()
    const app = express().get(
      '/a',
      limit(() => '5/min', { name: 'by-request' }),
      (_request, response) => response.end(),
    )
    const document = documentLimits(small('3.1.0', {}), limitedRoutes(app))
    expect(operationIn(document)).toMatchObject({
      description: '**Rate limit:** The limit depends on the client.',
      responses: { 429: { $ref: '#/components/responses/RateLimited' } },
    })
  })

  it.each([
    [null, /takes a configuration, as loadConfig\(\) returns it, got null/],
    [{ limits: { a: '5/mintue' } }, /limits\.a: "5\/mintue" is not a limit/],
    [{ limit: {} }, /has no option "limit". Did you mean "limits"\?/],
  ])('refuses %j', (given, message) => {
    expect(() => describeLimits(given as never)).toThrow(message)
  })
})

describe('an overlay', () => {
  it('makes of a document what documentLimits makes of it', () => {
    const document = parse(bookshop)
    const overlay = overlayOf(document, routesOf(document))
    expect(applyOverlay(document, overlay)).toEqual(documentLimits(document, routesOf(document)))
    expect(overlay.actions.every((action) => 'update' in action)).toBe(true)
  })

  it('replaces and removes what was generated before', () => {
    const document = documentLimits(parse(bookshop), routesOf(parse(bookshop)))
    const changed = routesOf(document)
      .map(exceptHealth)
      .map((route) => ({ ...route, limits: route.limits.slice(0, 1) }))
    for (const routes of [changed, at('login', '/search'), []]) {
      expect(applyOverlay(document, overlayOf(document, routes))).toEqual(documentLimits(document, routes))
    }
  })

  it('is named after the document', () => {
    const { overlay, info } = overlayOf(parse(bookshop), [])
    expect({ overlay, info }).toEqual({ overlay: '1.0.0', info: { title: 'Rate limits of Bookshop', version: '2.4' } })
  })

  it('has an action also where nothing changes, as the specification requires', () => {
    const document = small('3.1.0', {})
    const { actions } = overlayOf(document, [])
    expect(actions).toHaveLength(1)
    expect(applyOverlay(document, overlayOf(document, []))).toEqual(document)
  })

  it('finds paths with quotes and backslashes', () => {
    const path = `/it's/\\"x"`
    const document = { openapi: '3.1.0', paths: { [path]: { get: {} } } }
    const routes = at('login', path)
    expect(applyOverlay(document, overlayOf(document, routes))).toEqual(documentLimits(document, routes))
  })
})

describe('a document in YAML', () => {
  const limited = documentText(bookshop, routesOf(parse(bookshop)))

  it('says what documentLimits says', () => {
    expect(parse(limited)).toEqual(documentLimits(parse(bookshop), routesOf(parse(bookshop))))
  })

  it('keeps every line that does not change, with its comment', () => {
    const lines = new Set(limited.split('\n'))
    const lost = bookshop.split('\n').filter((line) => !lines.has(line))
    // One-line objects get further entries; references lead to copies, and one description becomes a block.
    expect(lost.filter((line) => !/\{.*\}|\$ref|description: Signs/.test(line))).toEqual([])
    expect(limited).toContain('# at most 50')
  })

  it('is the same to the byte when nothing changed, and without its limits', () => {
    expect(documentText(limited, routesOf(parse(limited)))).toBe(limited)
    expect(documentText(limited, [])).toBe(bookshop)
  })
})

describe('checkDocument', () => {
  it('finds nothing in a document that is up to date', () => {
    const document = documentLimits(parse(bookshop), routesOf(parse(bookshop)))
    expect(checkDocument(document, routesOf(document))).toEqual([])
    expect(checkDocument(documentText(bookshop, routesOf(document)), routesOf(document))).toEqual([])
  })

  it('names what is missing, out of date and left over', () => {
    const document = small('3.1.0', { description: 'A.', responses: { 200: { description: 'Fine.' } } })
    expect(checkDocument(document, at('login'))).toEqual([
      { where: 'GET /a', what: 'description', state: 'out of date' },
      { where: 'GET /a', what: 'responses.200', state: 'out of date' },
      { where: 'GET /a', what: 'responses.429', state: 'missing' },
      { where: 'GET /a', what: 'x-ratelimit', state: 'missing' },
      { where: 'components', what: '', state: 'missing' },
    ])
    const once = documentLimits(document, at('login'))
    expect(checkDocument(once, at('search'))).toEqual([
      { where: 'GET /a', what: 'description', state: 'out of date' },
      { where: 'GET /a', what: 'x-ratelimit', state: 'out of date' },
    ])
    expect(checkDocument(once, [])).toContainEqual({ where: 'GET /a', what: 'x-ratelimit', state: 'left over' })
  })
})

interface Bookshop {
  readonly paths: Record<string, Record<string, { responses: Record<string, object> }>>
  readonly components: { responses: Record<string, { headers?: object; content?: object }>; headers: object }
}

function exceptHealth(route: LimitedRoute): LimitedRoute {
  return route.path === '/health' ? { ...route, limits: [] } : route
}
