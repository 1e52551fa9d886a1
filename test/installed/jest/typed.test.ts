import { sluice, tokenBucket } from '@sluice/fastify'
import fastify from 'fastify'

test('a limit by config answers 200, 429', async () => {
  const limit = sluice()
  const app = fastify()
  await app.register(limit.plugin, { policies: '100/min', name: 'all' })
  app.get('/', { config: { limit: tokenBucket('1/min') } }, async () => 'ok')
  const address = await app.listen({ port: 0 })
  expect((await fetch(address)).status).toBe(200)
  expect((await fetch(address)).status).toBe(429)
  await app.close()
})
