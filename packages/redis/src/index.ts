/**
 * A store on Redis, Redis Sentinel and Redis Cluster.
 * @module @sluice/redis
 */

export type { IoredisClient, NodeRedisClient, RedisClient } from './clients.js'
export { type RedisStoreOptions, redisStore } from './redis-store.js'
