import { storeSpec } from '@sluice/core/testing'
import { redisStore } from '@sluice/redis'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { invariants } from '../invariants/suite.ts'
import { type RedisCluster, startCluster } from '../redis/servers.ts'
import { aPrefix } from '../redis/stores.ts'

let cluster: RedisCluster
beforeAll(async () => {
  cluster = await startCluster()
})
afterAll(() => cluster.stop())

describe('the Redis Cluster store', () => {
  for (const { title, run } of storeSpec((clock) => redisStore(cluster.url, { clock, prefix: aPrefix() })))
    it(title, run)
})

describe('over a Redis Cluster', () => invariants((clock) => redisStore(cluster.url, { clock, prefix: aPrefix() }), 4))
