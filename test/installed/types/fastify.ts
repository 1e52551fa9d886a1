import { Type, type TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import { sluice, tokenBucket } from '@sluice/fastify'
import Fastify from 'fastify'
import { pino } from 'pino'

const limit = sluice()
const hook = limit('100/min', { key: (request) => request.ip })

export const plain = Fastify()
plain.addHook('onRequest', hook)
plain.register(limit.plugin, { policies: '1000/hour', name: undefined })
plain.get('/search', { onRequest: hook, config: { limit: '10/s' } }, async (request) => request.rateLimit?.allowed)
plain.get('/other', { preHandler: [hook], config: { limit: { policies: ['10/s', '100/day'] } } }, async () => 'ok')

export const logged = Fastify({ loggerInstance: pino() })
logged.addHook('onRequest', hook)
logged.register(limit.plugin, { policies: '1000/hour' })
logged.get('/', { onRequest: hook, preHandler: hook, config: { limit: '10/s' } }, async (request) => {
  request.log.info(request.rateLimit?.binding?.policy.name)
  return 'ok'
})

export const overHttp2 = Fastify({ http2: true })
overHttp2.addHook('onRequest', hook)
overHttp2.register(limit.plugin, { policies: '1000/hour' })
overHttp2.get('/', { onRequest: [hook] }, async (request) => request.rateLimit?.allowed)

export const typed = Fastify({ loggerInstance: pino() }).withTypeProvider<TypeBoxTypeProvider>()
typed.addHook('preHandler', limit(tokenBucket('10/s', { burst: undefined })))
typed.register(limit.plugin, {})
typed.post(
  '/',
  { schema: { body: Type.Object({ tokens: Type.Number() }) }, preHandler: hook },
  async (request): Promise<number> => request.body.tokens,
)
