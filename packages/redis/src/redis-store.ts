import { ConfigError, type Store } from '@sluice/core'
import { type Connection, type RemoteStoreOptions, remoteStore } from '@sluice/core/remote'
import type { Cluster, Redis } from 'ioredis'
import { isIoredis, isNodeRedis, type RedisClient } from './clients.js'
import { clusterConnection, singleConnection } from './ioredis.js'
import { nodeRedisConnection } from './node-redis.js'
import { type Health, openClient, unknownHealth } from './open-client.js'
import { parseRedisUrl, shownAddress } from './redis-url.js'

export interface RedisStoreOptions extends RemoteStoreOptions {}

/**
 * Buckets in Redis: one server, Sentinel or Cluster, by its URL or by a client that the app has: of ioredis, iovalkey or
 * node-redis. `close` closes a client that was made here, and leaves one that was given.
 * @example redisStore('redis://localhost:6379?prefix=shop')
 * @example redisStore(new Cluster([{ host: 'redis-1', port: 6379 }]), { prefix: 'shop' })
 * @example redisStore(await createClient().connect())
 * @throws {ConfigError} on a URL or an option that cannot be right.
 */
export function redisStore(where: string | RedisClient, options: RedisStoreOptions = {}): Store {
  if (typeof where !== 'string') return remoteStore('redisStore()', connectionOver(where), options)
  const address = parseRedisUrl(where)
  const { client, health } = openClient(address)
  const connection = ioredisConnection(client, shownAddress(address), health, () => client.disconnect())
  const { prefix } = address
  const all = prefix === undefined ? options : { ...options, prefix: options?.prefix ?? prefix }
  return remoteStore('redisStore()', connection, all)
}

function connectionOver(client: RedisClient): Connection {
  if (typeof client === 'object' && client !== null) {
    if (isIoredis(client)) {
      const given = client as Redis | Cluster
      return ioredisConnection(given, nameOf(given), unknownHealth, () => undefined)
    }
    if (isNodeRedis(client)) return nodeRedisConnection(client)
  }
  throw new ConfigError(
    "redisStore() takes a URL such as 'redis://localhost:6379' or a client of ioredis, iovalkey or node-redis.",
  )
}

function ioredisConnection(client: Redis | Cluster, url: string, health: Health, close: () => void): Connection {
  return client.isCluster
    ? clusterConnection(client as Cluster, url, health, close)
    : singleConnection(client as Redis, url, health, close)
}

function nameOf(client: Redis | Cluster): string {
  if (client.isCluster) return 'redis+cluster://(the given client)'
  const { host = 'localhost', port = 6379 } = client.options as { host?: string; port?: number }
  return `redis://${host}:${port}`
}
