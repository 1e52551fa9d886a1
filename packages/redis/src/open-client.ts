import { Cluster, Redis, type RedisOptions } from 'ioredis'
import type { RedisAddress } from './redis-url.js'

const LONGEST_RETRY_MS = 1_000

export interface OpenClient {
  readonly client: Redis | Cluster
  /** Why the connection is not there, where that is known. */
  readonly lastError: () => Error | undefined
}

/** A client made for deciding: it connects at once, comes back by itself, and fails what it cannot send instead of keeping it. */
export function openClient(address: RedisAddress): OpenClient {
  const client = clientFor(address)
  let last: Error | undefined
  client.on('error', (error: Error) => {
    last = error
  })
  client.on('ready', () => {
    last = undefined
  })
  return { client, lastError: () => last }
}

function clientFor({ kind, hosts, name, db, tls, username, password }: RedisAddress): Redis | Cluster {
  const own = {
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(tls ? { tls: {} } : {}),
    connectionName: 'sluice',
    connectTimeout: 5_000,
    // A host that is gone without a word: what waits on it is torn down instead of waiting for the kernel's patience.
    socketTimeout: 5_000,
    // A take that was sent may have been taken: it is never sent again.
    maxRetriesPerRequest: 0,
    retryStrategy,
    // A master that became a replica: the address may lead to its successor by now.
    reconnectOnError: (error: Error) => error.message.startsWith('READONLY'),
  } satisfies RedisOptions
  const [first] = hosts
  if (kind === 'cluster') {
    return new Cluster([...hosts], {
      redisOptions: own,
      clusterRetryStrategy: retryStrategy,
      slotsRefreshTimeout: 2_000,
      slotsRefreshInterval: 30_000,
      retryDelayOnFailover: 50,
      retryDelayOnClusterDown: 50,
    })
  }
  if (kind === 'sentinel') {
    return new Redis({ ...own, db, sentinels: [...hosts], name, sentinelRetryStrategy: retryStrategy })
  }
  return new Redis({ ...own, db, host: first?.host ?? 'localhost', port: first?.port ?? 6379 })
}

/** Doubling from 50 ms, with jitter, so that a fleet does not come back in step. */
function retryStrategy(times: number): number {
  return Math.min(LONGEST_RETRY_MS, 25 * 2 ** Math.min(times, 10)) * (0.75 + Math.random() / 4)
}
