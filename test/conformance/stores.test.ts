import { startRedis } from '../redis/servers.ts'
import { startUpstash } from '../redis/upstash-server.ts'
import { conformance } from './suite.ts'

conformance(
  [
    { title: 'Express 5 over Redis', example: 'express', module: 'express' },
    { title: 'Koa 3 over Redis', example: 'koa', module: 'koa' },
    { title: 'Fastify 5 over Redis', example: 'fastify', module: 'fastify' },
  ],
  async () => {
    const redis = await startRedis()
    return { environment: { SLUICE_STORE: redis.url }, close: () => redis.stop() }
  },
)

conformance([{ title: 'Express 5 over Upstash', example: 'express', module: 'express' }], async () => {
  const redis = await startRedis()
  const upstash = await startUpstash(redis.url)
  return {
    environment: {
      SLUICE_STORE: 'upstash:',
      UPSTASH_REDIS_REST_URL: upstash.url,
      UPSTASH_REDIS_REST_TOKEN: upstash.token,
    },
    async close() {
      await upstash.stop()
      await redis.stop()
    },
  }
})
