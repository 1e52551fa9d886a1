import { ConfigError, type Store } from '@sluice/core'
import { type Connection, type RemoteStoreOptions, remoteStore } from '@sluice/core/remote'
import type { Cluster, Redis } from 'ioredis'
import { clusterConnection, singleConnection } from './connections.js'
import { type Health, openClient, unknownHealth } from './open-client.js'
import { parseRedisUrl, shownAddress } from './redis-url.js'

export interface RedisStoreOptions extends RemoteStoreOptions {}

/**
 * Buckets in Redis: one server, Sentinel or Cluster, by its URL or by an ioredis client that the app has.
 * `close` closes a client that was made here, and leaves one that was given.
 * @example redisStore('redis://localhost:6379', { prefix: 'shop' })
 * @example redisStore(new Cluster([{ host: 'redis-1', port: 6379 }]))
 * @throws {ConfigError} on a URL or an option that cannot be right.
 */
export function redisStore(where: string | Redis | Cluster, options: RedisStoreOptions = {}): Store {
  return remoteStore('redisStore()', connectionTo(where), options)
}

function connectionTo(where: string | Redis | Cluster): Connection {
  if (typeof where === 'string') {
    const address = parseRedisUrl(where)
    const { client, health } = openClient(address)
    return connectionOf(client, shownAddress(address), health, () => client.disconnect())
  }
  if (typeof where !== 'object' || where === null || typeof where.evalsha !== 'function') {
    throw new ConfigError("redisStore() takes a URL such as 'redis://localhost:6379' or a client of ioredis.")
  }
  return connectionOf(where, nameOf(where), unknownHealth, () => undefined)
}

function connectionOf(client: Redis | Cluster, url: string, health: Health, close: () => void): Connection {
  return client.isCluster
    ? clusterConnection(client as Cluster, url, health, close)
    : singleConnection(client as Redis, url, health, close)
}

function nameOf(client: Redis | Cluster): string {
  if (client.isCluster) return 'redis+cluster://(the given client)'
  const { host = 'localhost', port = 6379 } = client.options as { host?: string; port?: number }
  return `redis://${host}:${port}`
}
