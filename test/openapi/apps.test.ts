import Router from '@koa/router'
import { concurrency, sluice as forExpress } from '@sluice/express'
import { sluice as forFastify } from '@sluice/fastify'
import { sluice as forKoa } from '@sluice/koa'
import { documentLimits, limitedRoutes, recordRoutes } from '@sluice/openapi'
import express, { type Express, type RequestHandler } from 'express'
import express4 from 'express4'
import Fastify from 'fastify'
import Fastify4 from 'fastify4'
import Koa from 'koa'
import Koa2 from 'koa2'
import { describe, expect, it } from 'vitest'

/** The names of the limits in front of each route. */
function named(app: unknown): Record<string, string> {
  return Object.fromEntries(
    limitedRoutes(app).map(({ method, path, limits }) => [
      `${method} ${path}`,
      limits.map(({ name }) => name).join(' '),
    ]),
  )
}

const answer: RequestHandler = (_request, response) => {
  response.end()
}

describe.each<[string, typeof express]>([
  ['Express 5', express],
  ['Express 4', express4 as unknown as typeof express],
])('the routes of %s', (_, make) => {
  it('are behind what stands before them', () => {
    const limit = forExpress()
    const app = make()
    app.get('/free', answer)
    app.use(limit('1000/hour', { name: 'all' }))
    app.post('/login', limit('5/15min', { name: 'login' }), answer)
    app.use(limit('1/s', { name: 'late' }))
    expect(named(app)).toEqual({ 'GET /free': '', 'POST /login': 'all login' })
  })

  it('are behind limits of their paths', () => {
    const limit = forExpress()
    const app = make()
    app.use('/admin', limit('10/min', { name: 'admin' }))
    app.all('/users/:id', limit('10/s', { name: 'user' }), (_request, _response, next) => next())
    app.get('/admin/things', answer)
    app.get('/administrators', answer)
    app.get('/users/:userId', answer)
    expect(named(app)).toEqual({
      'GET /admin/things': 'admin',
      'GET /administrators': '',
      '* /users/{id}': 'user',
      'GET /users/{userId}': 'user',
    })
  })

  it('are found in routers, with the paths of these', () => {
    const limit = forExpress()
    const [app, users, posts] = [make(), make.Router(), make.Router({ mergeParams: true })]
    users.use(limit('10/s', { name: 'users' }))
    users.get('/', answer)
    users.get('/:id', limit(concurrency(2), { name: 'slots' }), answer)
    posts.get('/', answer)
    posts.use('/drafts', limit('1/s', { name: 'drafts' }))
    posts.get('/drafts/:draft', answer)
    users.use('/:id/posts', posts)
    app.use('/v1/users', users)
    app.get('/v1/other', answer)
    expect(named(app)).toEqual({
      'GET /v1/users': 'users',
      'GET /v1/users/{id}': 'users slots',
      'GET /v1/users/{id}/posts': 'users',
      'GET /v1/users/{id}/posts/drafts/{draft}': 'users drafts',
      'GET /v1/other': '',
    })
    expect(named(users)).toMatchObject({ 'GET /{id}': 'users slots' })
  })

  it('have limits of their methods, and those of a declaration of their own', () => {
    const limit = forExpress()
    const app = make()
    app
      .route('/things')
      .get(answer)
      .post(limit('1/s', { name: 'write' }), answer)
    app.put('/things', limit('2/s', { name: 'put' }))
    app.put('/things', answer)
    expect(named(app)).toEqual({ 'GET /things': '', 'POST /things': 'write', 'PUT /things': 'put' })
  })

  it('have each limit once, and several paths where they are declared for several', () => {
    const limit = forExpress()
    const once = limit('1/s', { name: 'once' })
    const app = make()
    app.use(once)
    app.get(['/a', '/b'], once, answer)
    app.get(/^\/c/, once, answer)
    expect(named(app)).toEqual({ 'GET /a': 'once', 'GET /b': 'once' })
  })

  it('are found where parameters have a form', () => {
    const limit = forExpress()
    const [app, router] = [make(), make.Router()]
    router.use(limit('1/s', { name: 'router' }))
    router.get('/books', answer)
    if (make === express) app.use('/:language', router)
    else app.use('/:language([a-z]{2})', router)
    expect(named(app)).toEqual({ 'GET /{language}/books': 'router' })
  })

  it('are none in an app that has none yet', () => {
    expect(limitedRoutes(make())).toEqual([])
  })
})

describe('the limits of a configuration', () => {
  it('are those that limit.named enforces', () => {
    const limit = forExpress({ limits: { login: '5/15min' } })
    const app: Express = express()
    app.post('/login', limit.named('login'), answer)
    const [route] = limitedRoutes(app, { keys: { login: 'account' } })
    expect(route?.limits[0]?.policies[0]).toMatchObject({
      name: 'login',
      quota: 5,
      window: 900,
      key: 'account',
      cost: 1,
    })
  })
})

describe.each<[string, typeof Koa]>([
  ['Koa 3', Koa],
  ['Koa 2', Koa2 as unknown as typeof Koa],
])('the routes of %s', (_, App) => {
  it('are behind what stands before them, in the app and in its routers', () => {
    const limit = forKoa()
    const [app, router, posts] = [new App(), new Router({ prefix: '/v1' }), new Router()]
    posts.get('/posts/:id', limit('1/s', { name: 'post' }), () => undefined)
    router.get('/free', () => undefined)
    router.use(limit('5/s', { name: 'router' }))
    router.use('/only', limit('6/s', { name: 'only' }))
    router.get('/all', () => undefined)
    router.post('/only/these', () => undefined)
    router.use('/users/:user', posts.routes())
    app.use(limit('1000/hour', { name: 'app' }))
    app.use(router.routes())
    app.use(limit('1/s', { name: 'late' }))
    expect(named(app)).toEqual({
      'GET /v1/free': 'app',
      'GET /v1/all': 'app router',
      'POST /v1/only/these': 'app router only',
      'GET /v1/users/{user}/posts/{id}': 'app router post',
    })
    expect(named(router)).toMatchObject({ 'GET /v1/all': 'router' })
  })
})

describe.each<[string, typeof Fastify]>([
  ['Fastify 5', Fastify],
  ['Fastify 4', Fastify4 as unknown as typeof Fastify],
])('the routes of %s', (_, make) => {
  it('have the limits of their scope, of their config and of their hooks', async () => {
    const limit = forFastify()
    const app = make()
    recordRoutes(app)
    await app.register(limit.plugin, { policies: '1000/hour', name: 'all' })
    app.get('/search/:word?', { config: { limit: { policies: '10/s', name: 'search' } } }, async () => '')
    app.get('/free', { config: { limit: false } }, async () => '')
    app.register(
      async (scope) => {
        scope.post('/things', { preHandler: limit('4/s', { name: 'write' }) }, async () => '')
        scope.addHook('onRequest', limit('3/s', { name: 'scope' }))
      },
      { prefix: '/v1' },
    )
    await app.ready()
    expect(named(app)).toEqual({
      'GET /search': 'all search',
      'GET /search/{word}': 'all search',
      'GET /free': '',
      'POST /v1/things': 'all scope write',
    })
    await app.close()
  })

  it('are recorded for every app that is made from then on', async () => {
    recordRoutes()
    recordRoutes()
    const limit = forFastify()
    const app = make()
    app.get('/', { onRequest: limit('1/s', { name: 'root' }) }, async () => '')
    await app.ready()
    expect(named(app)).toEqual({ 'GET /': 'root' })
    await app.close()
  })
})

describe('limitedRoutes', () => {
  it('makes documents', () => {
    const limit = forExpress()
    const app = express()
    app.get('/books/:id', limit('10/s', { name: 'books' }), answer)
    const document = documentLimits({ openapi: '3.1.0', paths: { '/books/{bookId}': { get: {} } } }, limitedRoutes(app))
    expect(document.paths['/books/{bookId}'].get).toHaveProperty(['x-ratelimit', 'policies', 0, 'name'], 'books')
  })

  it.each([[undefined], [{}], ['app'], [() => undefined], [[]]])('refuses %j', (app) => {
    expect(() => limitedRoutes(app)).toThrow(/^limitedRoutes\(\): expected an app of Express, Koa or Fastify/)
  })

  it('refuses an app of Fastify whose routes were not recorded', () => {
    const unrecorded = Object.assign(Object.create(Fastify()), {})
    expect(() => limitedRoutes(unrecorded)).toThrow(/Call recordRoutes\(app\) before the routes are declared/)
    expect(() => recordRoutes(express() as never)).toThrow('recordRoutes() takes an app of Fastify')
  })

  it('refuses options that cannot be right', () => {
    expect(() => limitedRoutes(express(), { key: {} } as never)).toThrow(
      'limitedRoutes() has no option "key". Did you mean "keys"?',
    )
    expect(() => limitedRoutes(express(), { keys: { api: '' } })).toThrow(
      `limitedRoutes(): keys: expected words by the name of a limit, as in { api: 'API key' }, got "".`,
    )
  })
})
