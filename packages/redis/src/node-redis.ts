import { type Connection, literalGlob, type Reply } from '@sluice/core/remote'
import calculateSlot from 'cluster-key-slot'
import type { NodeRedisClient } from './clients.js'

/** Names looked at by one SCAN. */
const SCAN_COUNT = 1_000

/** What scans and removes beside running scripts: a single server, or the master that Sentinel names. */
interface Server extends NodeRedisClient {
  scan(cursor: string, options: { MATCH: string; COUNT: number }): Promise<{ cursor: unknown; keys: unknown[] }>
  unlink(names: string[]): Promise<unknown>
}

interface ClusterNode {
  readonly address: string
}

interface ClusterClient extends NodeRedisClient {
  readonly masters: readonly ClusterNode[]
  readonly slots: readonly ({ readonly master: ClusterNode } | undefined)[]
  nodeClient(node: ClusterNode): Server | Promise<Server>
  unlink(name: string): Promise<unknown>
}

/** An app's client of node-redis, which the app connects and closes. */
export function nodeRedisConnection(client: NodeRedisClient): Connection {
  const plain = withoutMappings(client)
  const own = { ...scripts(client, plain), close: () => undefined }
  return isCluster(client)
    ? { ...own, ...clusterParts(client) }
    : { ...own, ...serverParts(plain as Server, keyPrefixOf(client)) }
}

function serverParts(client: Server, keyPrefix: string): Pick<Connection, 'url' | 'scan' | 'remove'> {
  return {
    url: 'redis://(the given client)',
    scan: (pattern) => scanOf(client, pattern, keyPrefix),
    remove: (names) => (names.length === 0 ? Promise.resolve(0) : client.unlink([...names])),
  }
}

function clusterParts(client: ClusterClient): Pick<Connection, 'url' | 'slotOf' | 'nodeOf' | 'scan' | 'remove'> {
  return {
    url: 'redis+cluster://(the given client)',
    slotOf: calculateSlot,
    nodeOf: (slot) => client.slots[slot]?.master.address ?? '',
    async *scan(pattern) {
      if (client.masters.length === 0) throw new Error('no node of the cluster is connected')
      for (const master of client.masters) {
        yield* scanOf(withoutMappings(await client.nodeClient(master)), pattern, keyPrefixOf(client))
      }
    },
    remove: (names) => Promise.all(names.map((name) => client.unlink(name))),
  }
}

function scripts(client: NodeRedisClient, plain: NodeRedisClient): Pick<Connection, 'evalsha' | 'eval'> {
  const run = (send: () => Promise<unknown>): Promise<Reply> => {
    if (client.isOpen) return (send() as Promise<Reply>).catch(rethrow)
    return Promise.reject(Object.assign(new Error('the given client is not connected'), { unsent: true }))
  }
  const parts = (names: readonly string[], args: readonly string[]) => ({ keys: [...names], arguments: [...args] })
  return {
    evalsha: (sha, names, args) => run(() => plain.evalSha(sha, parts(names, args))),
    eval: (text, names, args) => run(() => plain.eval(text, parts(names, args))),
  }
}

/** A reply that is an error begins with a code in capitals; anything else may have happened after the command was sent. */
function rethrow(error: Error): never {
  if (/^[A-Z][A-Z\d]+ /.test(error.message)) throw Object.assign(new Error(error.message), { name: 'ReplyError' })
  throw error
}

async function* scanOf(client: Server, pattern: string, keyPrefix: string): AsyncGenerator<readonly string[]> {
  let cursor = '0'
  do {
    const page = await client.scan(cursor, { MATCH: literalGlob(keyPrefix) + pattern, COUNT: SCAN_COUNT })
    cursor = String(page.cursor)
    yield page.keys.map((name) => String(name).slice(keyPrefix.length))
  } while (cursor !== '0')
}

/** An app that reads its values as Buffers reads ours as it likes, too: they are wanted as they come. */
function withoutMappings<Client extends object>(client: Client): Client {
  return 'withTypeMapping' in client && typeof client.withTypeMapping === 'function'
    ? client.withTypeMapping({})
    : client
}

function isCluster(client: NodeRedisClient): client is ClusterClient {
  return 'nodeClient' in client && 'masters' in client
}

/**
 * A client with a `keyPrefix` puts it before the names it sends, but neither into patterns nor off the names it finds.
 * node-redis 5 has no such option.
 */
function keyPrefixOf(client: object): string {
  const { _keyPrefix: prefix } = client as { _keyPrefix?: unknown }
  return typeof prefix === 'string' ? prefix : ''
}
