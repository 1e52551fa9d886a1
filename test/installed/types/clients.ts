import type { Store } from '@sluice/core'
import { redisStore } from '@sluice/redis'
import { Cluster, Redis } from 'ioredis'
import { Cluster as Cluster5, Redis as Redis5 } from 'ioredis5'
import { Redis as Valkey, Cluster as ValkeyCluster } from 'iovalkey'
import { createClient, createCluster, createSentinel } from 'redis'
import { createClient as createClient5, createCluster as createCluster5 } from 'redis5'

export const stores: readonly Store[] = [
  redisStore(new Redis()),
  redisStore(new Cluster([])),
  redisStore(new Redis5()),
  redisStore(new Cluster5([])),
  redisStore(new Valkey()),
  redisStore(new ValkeyCluster([])),
  redisStore(createClient()),
  redisStore(createCluster({ rootNodes: [] })),
  redisStore(createSentinel({ name: 'main', sentinelRootNodes: [] })),
  redisStore(createClient5()),
  redisStore(createCluster5({ rootNodes: [] })),
]

// @ts-expect-error an object that is no client
redisStore({ get: () => undefined })
