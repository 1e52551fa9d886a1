import { storeSpec } from '@sluice/core/testing'
import { type NodeRedisClient, redisStore } from '@sluice/redis'
import { createCluster, createSentinel } from 'redis'
import { createCluster as createCluster5, createSentinel as createSentinel5 } from 'redis5'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { invariants } from '../invariants/suite.ts'
import { startCluster, startSentinels } from '../redis/servers.ts'
import { aPrefix } from '../redis/stores.ts'

interface Connected extends NodeRedisClient {
  destroy(): unknown
}

/** The hosts and ports of a store's URL. */
const hostsIn = (url: string) =>
  (/\/\/([^/]+)/.exec(url)?.[1] ?? '')
    .split(',')
    .map((host) => ({ host: host.split(':')[0] ?? '', port: Number(host.split(':')[1]) }))

const clusters = { 'node-redis 6': createCluster, 'node-redis 5': createCluster5 as never as typeof createCluster }
const sentinels = { 'node-redis 6': createSentinel, 'node-redis 5': createSentinel5 as never as typeof createSentinel }

describe.each(Object.entries(clusters))('a cluster client of %s', (_version, create) => {
  let server: Awaited<ReturnType<typeof startCluster>>
  let client: Connected
  beforeAll(async () => {
    server = await startCluster()
    client = await create({ rootNodes: hostsIn(server.url).map((socket) => ({ socket })) }).connect()
  })
  afterAll(async () => {
    client.destroy()
    await server.stop()
  })
  const over = (clock: () => number) => redisStore(client, { clock, prefix: aPrefix() })
  for (const { title, run } of storeSpec(over)) it(title, run)
  if (create === createCluster) invariants(over, 1)
})

describe.each(Object.entries(sentinels))('a Sentinel client of %s', (_version, create) => {
  let servers: Awaited<ReturnType<typeof startSentinels>>
  let client: Connected
  beforeAll(async () => {
    servers = await startSentinels()
    client = await create({ name: 'limits', sentinelRootNodes: hostsIn(servers.url) }).connect()
  })
  afterAll(async () => {
    client.destroy()
    await servers.stop()
  })
  for (const { title, run } of storeSpec((clock) => redisStore(client, { clock, prefix: aPrefix() }))) it(title, run)
})
