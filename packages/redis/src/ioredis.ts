import { type Connection, literalGlob, type Reply } from '@sluice/core/remote'
import calculateSlot from 'cluster-key-slot'
import type { Cluster, Redis } from 'ioredis'
import { type Health, withoutCommand } from './open-client.js'

/** Names looked at by one SCAN. */
const SCAN_COUNT = 1_000

/** One server, wherever Sentinel says it is. */
export function singleConnection(client: Redis, url: string, health: Health, close: () => void): Connection {
  return {
    ...scripts(client, health),
    url,
    close,
    scan: (pattern) => scanOf(client, pattern),
    remove: (names) => (names.length === 0 ? Promise.resolve(0) : client.unlink(...names).catch(rethrow)),
  }
}

/** A cluster: what lies in one slot travels together, and each of its masters can fail by itself. */
export function clusterConnection(client: Cluster, url: string, health: Health, close: () => void): Connection {
  return {
    ...scripts(client, health),
    url,
    close,
    slotOf: calculateSlot,
    nodeOf: (slot) => client.slots[slot]?.[0] ?? '',
    async *scan(pattern) {
      const masters = client.nodes('master')
      if (masters.length === 0) throw health.lastError() ?? new Error('no node of the cluster is connected')
      for (const node of masters) yield* scanOf(node, pattern, keyPrefixOf(client))
    },
    remove: (names) => Promise.all(names.map((name) => client.unlink(name))).catch(rethrow),
  }
}

function scripts(client: Redis | Cluster, health: Health): Pick<Connection, 'evalsha' | 'eval'> {
  /** While the connection is known to be lost nothing is queued: it would only be late. */
  const run = (send: () => Promise<unknown>): Promise<Reply> => {
    const lost = client.status === 'ready' ? undefined : health.lastError()
    if (lost !== undefined) return Promise.reject(Object.assign(new Error(lost.message), { unsent: true }))
    health.sent()
    const selected = health.selected()
    return ((selected === undefined ? send() : selected.then(send)) as Promise<Reply>).then(
      (reply) => {
        health.answered()
        return reply
      },
      (error: Error) => {
        health.answered()
        throw error.name === 'MaxRetriesPerRequestError' ? (health.lastError() ?? error) : withoutCommand(error)
      },
    )
  }
  return {
    evalsha: (sha, names, args) => run(() => client.evalsha(sha, names.length, ...names, ...args)),
    eval: (text, names, args) => run(() => client.eval(text, names.length, ...names, ...args)),
  }
}

/** A client with a `keyPrefix` puts it before the names it sends, but neither into patterns nor off the names it finds. */
async function* scanOf(
  client: Redis,
  pattern: string,
  prefix = keyPrefixOf(client),
): AsyncGenerator<readonly string[]> {
  const match = literalGlob(prefix) + pattern
  const stream: AsyncIterable<string[]> = client.scanStream({ match, count: SCAN_COUNT })
  try {
    for await (const names of stream) yield names.map((name) => name.slice(prefix.length))
  } catch (error) {
    rethrow(error as Error)
  }
}

function rethrow(error: Error): never {
  throw withoutCommand(error)
}

function keyPrefixOf(client: Redis | Cluster): string {
  return client.options.keyPrefix ?? ''
}
