import swagger from '@fastify/swagger'
import { concurrency, sluice } from '@sluice/fastify'
import { swaggerTransform } from '@sluice/openapi'
import Fastify, { type FastifyInstance } from 'fastify'
import { describe, expect, it } from 'vitest'
import { complaints } from './spectral.js'

const schema = { response: { 200: { type: 'object', properties: { id: { type: 'string' } } }, 404: { type: 'null' } } }

async function bookshop(openapi: string): Promise<FastifyInstance> {
  const limit = sluice()
  const app = Fastify()
  await app.register(swagger, {
    openapi: { openapi, info: { title: 'Books', version: '1' }, servers: [{ url: 'https://a.example/v1' }] },
    transformObject: swaggerTransform(app, { keys: { search: 'customer' } }),
  })
  await app.register(limit.plugin, { policies: '1000/hour', name: 'all' })
  app.get('/v1/books/:id', { schema: { ...schema, description: 'One book.' } }, async () => ({}))
  app.get('/v1/search', { schema, config: { limit: { policies: '10/s', name: 'search' } } }, async () => ({}))
  app.post('/v1/exports', { schema, onRequest: limit(concurrency(2), { name: 'exports' }) }, async () => ({}))
  await app.ready()
  return app
}

describe('swaggerTransform', () => {
  it.each(['3.0.3', '3.1.0'])(
    'documents the limits of an app of Fastify in OpenAPI %s, as the OWASP rules ask',
    async (openapi) => {
      const app = await bookshop(openapi)
      const document = app.swagger()
      expect(await complaints(document)).toEqual([])
      expect(document.paths?.['/books/{id}']?.get).toMatchObject({
        description: 'One book.\n\n**Rate limit:** 1,000 requests per hour for each client address.',
        'x-ratelimit': { policies: [{ name: 'all', quota: 1_000, window: 3_600 }] },
      })
      expect(document.paths?.['/search']?.get).toMatchObject({
        'x-ratelimit': { policies: [{ name: 'all' }, { name: 'search', key: 'customer' }] },
      })
      expect(app.swagger({ yaml: true })).toContain("$ref: '#/components/responses/RateLimited'".replaceAll("'", '"'))
      await app.close()
    },
  )

  it('refuses Swagger 2.0, and what is no app', async () => {
    const app = Fastify()
    await app.register(swagger, { transformObject: swaggerTransform(app) })
    await app.ready()
    expect(() => app.swagger()).toThrow(/makes a document of Swagger 2.0 unless it has the option openapi/)
    expect(() => swaggerTransform({} as never)).toThrow('swaggerTransform() takes an app of Fastify, got an object.')
    await app.close()
  })
})
