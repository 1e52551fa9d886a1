import { ConfigError, type Store } from '@sluice/core'
import { type Connection, environment, type RemoteStoreOptions, type Reply, remoteStore } from '@sluice/core/remote'
import { Redis } from '@upstash/redis'

export interface UpstashStoreOptions extends RemoteStoreOptions {}

/** Names looked at by one SCAN. */
const SCAN_COUNT = 1_000

/**
 * Buckets in Upstash Redis, over REST: one HTTP request a batch, on every runtime that has `fetch`.
 * `'upstash:'` reads UPSTASH_REDIS_REST_URL and UPSTASH_REDIS_REST_TOKEN; a client of @upstash/redis is used as it is.
 * @example upstashStore('upstash:?prefix=shop')
 * @example upstashStore(new Redis({ url, token, retry: false }), { prefix: 'shop' })
 * @throws {ConfigError} on an option that cannot be right, and where the environment lacks the URL or the token.
 */
export function upstashStore(
  where: 'upstash:' | `upstash:?prefix=${string}` | Redis = 'upstash:',
  options: UpstashStoreOptions = {},
): Store {
  const prefix = typeof where === 'string' ? /^upstash:\?prefix=(.*)$/.exec(where)?.[1] : undefined
  if (prefix !== undefined && !/^[\w.:-]{1,64}$/.test(prefix)) {
    throw new ConfigError("store: the query of 'upstash:' can only be ?prefix= with 1 to 64 letters, digits and _.:-")
  }
  const all = prefix === undefined ? options : { ...options, prefix: options?.prefix ?? prefix }
  return remoteStore(
    'upstashStore()',
    connectionOver(prefix === undefined ? clientOf(where) : clientFromEnvironment()),
    all,
  )
}

function clientOf(where: unknown): Redis {
  if (where === 'upstash:') return clientFromEnvironment()
  if (typeof where === 'object' && where !== null && 'evalsha' in where) return where as Redis
  throw new ConfigError("upstashStore() takes 'upstash:', 'upstash:?prefix=shop' or a client of @upstash/redis.")
}

function clientFromEnvironment(): Redis {
  const url = environment('UPSTASH_REDIS_REST_URL')
  const token = environment('UPSTASH_REDIS_REST_TOKEN')
  if (!url || !token) {
    const missing = [url ? [] : 'UPSTASH_REDIS_REST_URL', token ? [] : 'UPSTASH_REDIS_REST_TOKEN'].flat().join(' and ')
    throw new ConfigError(`store: 'upstash:' needs ${missing} in the environment (Upstash's console shows both).`)
  }
  if (!/^https?:\/\/[^/]/.test(url)) {
    throw new ConfigError("store: UPSTASH_REDIS_REST_URL is the REST URL, which begins with 'https://'.")
  }
  // A take that was sent may have been taken: it is not sent again.
  return new Redis({ url, token, retry: false, enableTelemetry: false })
}

function connectionOver(client: Redis): Connection {
  return {
    url: 'upstash:',
    evalsha: (sha, names, args) => client.evalsha<string[], Reply>(sha, [...names], [...args]).catch(rethrow),
    eval: (text, names, args) => client.eval<string[], Reply>(text, [...names], [...args]).catch(rethrow),
    async *scan(pattern) {
      let cursor = '0'
      do {
        const [next, names] = await client.scan(cursor, { match: pattern, count: SCAN_COUNT }).catch(rethrow)
        cursor = String(next)
        yield names.map(String)
      } while (cursor !== '0')
    },
    remove: (names) => (names.length === 0 ? Promise.resolve(0) : client.unlink(...names).catch(rethrow)),
    close: () => undefined,
  }
}

/** The client's errors end with the command that failed: the keys of those who were asked for, and the whole script. */
function rethrow(error: Error): never {
  const [message = ''] = error.message.split(/,? command was: /)
  throw Object.assign(new Error(message), { name: error.name })
}
