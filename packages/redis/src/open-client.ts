import { Cluster, Redis, type RedisOptions } from 'ioredis'
import type { RedisAddress } from './redis-url.js'

const LONGEST_RETRY_MS = 1_000

/** A host that says nothing for so long, though it was asked, has gone without a word. */
const LONGEST_SILENCE_MS = 5_000

/** What is known of a connection beside its client. */
export interface Health {
  /** Why the connection was lost, until there is one again. */
  lastError(): Error | undefined
  /** A command was sent; it will be answered, or fail. */
  sent(): void
  answered(): void
  /** Resolves once commands reach the database that was asked for; `undefined` when they do. Rejects where there is none. */
  selected(): Promise<void> | undefined
}

/** Nothing is known of a client that is the app's own. */
export const unknownHealth: Health = {
  lastError: () => undefined,
  sent: () => undefined,
  answered: () => undefined,
  selected: () => undefined,
}

/** A client made for deciding: it connects at once, comes back by itself, and fails what it cannot send instead of keeping it. */
export function openClient(address: RedisAddress): { readonly client: Redis | Cluster; readonly health: Health } {
  const client = clientFor(address)
  let last: Error | undefined
  client.on('error', (error: Error) => {
    last = withoutCommand(error)
  })
  client.on('close', () => {
    last ??= new Error('the connection was closed')
  })
  client.on('ready', () => {
    last = undefined
  })
  if (client instanceof Redis) client.once('ready', () => warnOfEviction(client))
  const watch = client instanceof Redis ? watchOver(client) : unknownHealth
  const selected = client instanceof Redis ? selection(client, address.db) : unknownHealth.selected
  return { client, health: { ...watch, selected, lastError: () => last } }
}

/** A client's errors carry the command that failed, with its arguments: keys, or the password of AUTH. */
export function withoutCommand(error: Error): Error {
  const bare = new Error(error.message)
  bare.name = error.name
  return 'code' in error ? Object.assign(bare, { code: error.code }) : bare
}

/** An evicted bucket is a fresh one: says it once where Redis may give up any key. What cannot be asked is let be. */
function warnOfEviction(client: Redis): void {
  client.info('memory').then(
    (memory) => {
      const [, policy] = /^maxmemory_policy:(allkeys-\w+)/m.exec(memory) ?? []
      if (policy === undefined || /^maxmemory:0\r?$/m.test(memory)) return
      process.emitWarning(
        `Redis has maxmemory-policy ${policy}: when it is full it drops buckets of clients who are being limited, and each ` +
          "has its whole quota again. Give limits a Redis of their own with 'noeviction', or use 'volatile-ttl'.",
        { type: 'SluiceWarning', code: 'SLUICE_EVICTION' },
      )
    },
    () => undefined,
  )
}

/** A client whose SELECT is refused goes on in database 0: nothing is sent before it has been accepted once. */
function selection(client: Redis, db: number): Health['selected'] {
  let accepted = db === 0
  let underWay: Promise<void> | undefined
  return () => {
    if (accepted) return undefined
    underWay ??= client
      .select(db)
      .then(() => {
        accepted = true
      })
      .finally(() => {
        underWay = undefined
      })
    return underWay
  }
}

/** Starts anew where a host has gone without a word, instead of waiting for the kernel's patience. */
function watchOver(client: Redis): Pick<Health, 'sent' | 'answered'> {
  let underWay = 0
  let heard = 0
  return {
    sent() {
      const now = performance.now()
      if (underWay === 0) heard = now
      underWay += 1
      if (now - heard < LONGEST_SILENCE_MS) return
      heard = now
      client.disconnect(true)
    },
    answered() {
      underWay -= 1
      heard = performance.now()
    },
  }
}

function clientFor({ kind, hosts, name, db, tls, username, password }: RedisAddress): Redis | Cluster {
  const own = {
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(tls ? { tls: {} } : {}),
    connectionName: 'sluice',
    connectTimeout: 5_000,
    // A host that has gone without a word does not answer a farewell either.
    disconnectTimeout: 100,
    // A take that was sent may have been taken: it is never sent again.
    maxRetriesPerRequest: 0,
    retryStrategy,
    // A master that became a replica: the address may lead to its successor by now.
    reconnectOnError: (error: Error) => error.message.startsWith('READONLY'),
  } satisfies RedisOptions
  const [first] = hosts
  if (kind === 'cluster') {
    return new Cluster([...hosts], {
      redisOptions: { ...own, socketTimeout: LONGEST_SILENCE_MS },
      clusterRetryStrategy: retryStrategy,
      slotsRefreshTimeout: 2_000,
      slotsRefreshInterval: 30_000,
      retryDelayOnFailover: 50,
      retryDelayOnClusterDown: 50,
    })
  }
  if (kind === 'sentinel') {
    const secure = tls ? { enableTLSForSentinelMode: true, sentinelTLS: {} } : {}
    return new Redis({ ...own, ...secure, db, sentinels: [...hosts], name, sentinelRetryStrategy: retryStrategy })
  }
  return new Redis({ ...own, db, host: first?.host ?? 'localhost', port: first?.port ?? 6379 })
}

/** Doubling from 50 ms, with jitter, so that a fleet does not come back in step. */
function retryStrategy(times: number): number {
  return Math.min(LONGEST_RETRY_MS, 25 * 2 ** Math.min(times, 10)) * (0.75 + Math.random() / 4)
}
