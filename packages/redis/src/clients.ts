/**
 * What is used of a client that the app has. These are shapes rather than the clients' own types, so that a new version of
 * a client, or an app that has another one, needs nothing of this package.
 */
export type RedisClient = IoredisClient | NodeRedisClient

/** `Redis` or `Cluster` of ioredis 5 and 6 and of iovalkey. */
export interface IoredisClient {
  readonly status: string
  readonly isCluster: boolean
  readonly options: object
  evalsha(sha: string, count: number, ...namesAndArgs: string[]): Promise<unknown>
  eval(text: string, count: number, ...namesAndArgs: string[]): Promise<unknown>
}

/** What `createClient`, `createCluster` and `createSentinel` of node-redis 5 and 6 return. */
export interface NodeRedisClient {
  readonly isOpen: boolean
  evalSha(sha: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>
  eval(text: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>
}

export function isIoredis(client: object): client is IoredisClient {
  return 'evalsha' in client && typeof client.evalsha === 'function'
}

export function isNodeRedis(client: object): client is NodeRedisClient {
  return 'evalSha' in client && typeof client.evalSha === 'function'
}
