import { ConfigError, shown } from '../errors.js'
import { memoryStore } from '../memory/memory-store.js'
import { optionalPackage } from '../runtime/optional-package.js'
import type { Store } from './store.js'

/** Which package holds the stores of a URL's scheme, what it wants beside it, and the function that opens one. */
const PACKAGES: readonly {
  readonly schemes: RegExp
  readonly name: string
  readonly client: string
  readonly open: string
}[] = [
  { schemes: /^rediss?(\+sentinel|\+cluster)?:/, name: '@sluice/redis', client: 'ioredis', open: 'redisStore' },
  { schemes: /^upstash:(?:$|\?)/, name: '@sluice/upstash', client: '@upstash/redis', open: 'upstashStore' },
]

/**
 * A store by its URL: `'redis://…'`, `'rediss://…'`, `'redis+sentinel://…'`, `'redis+cluster://…'` or `'upstash:'`.
 * `undefined` and `'memory:'` are a memory store of its own. The package for it is loaded now, and only now.
 * @throws {ConfigError} on a URL that cannot be right, and on one whose package cannot be found.
 */
export function createStore(url: string | undefined): Store {
  if (url === undefined || url === 'memory:') return memoryStore()
  const wanted = PACKAGES.find(({ schemes }) => schemes.test(url))
  if (wanted !== undefined) return load(wanted)(url)
  if (url === '') throw new ConfigError('store: the URL is empty. Leave the variable unset for a memory store.')
  throw new ConfigError(
    `store: ${schemeOf(url)} is not a store. Expected 'memory:', 'redis://host:6379', 'rediss://…', ` +
      "'redis+sentinel://…', 'redis+cluster://…', 'upstash:' or a Store.",
  )
}

/** The store itself, or the one a URL names. */
export function toStore(store: Store | string | undefined): Store {
  if (store === undefined || typeof store === 'string') return createStore(store)
  if (typeof store === 'object' && store !== null && typeof store.consume === 'function') return store
  if (isClient(store)) {
    throw new ConfigError(
      'store: got a Redis client, which is no Store yet. Write store: redisStore(client) with redisStore of @sluice/redis ' +
        '(for a client of @upstash/redis: upstashStore(client) of @sluice/upstash).',
    )
  }
  throw new ConfigError(`store: expected a URL such as 'redis://localhost:6379' or a Store, got ${shown(store)}.`)
}

/** ioredis, iovalkey and @upstash/redis write `evalsha`, node-redis `evalSha`. */
function isClient(value: unknown): boolean {
  return typeof value === 'object' && value !== null && ('evalsha' in value || 'evalSha' in value)
}

function load({ name, client, open }: (typeof PACKAGES)[number]): (url: string) => Store {
  const found = optionalPackage(name, import.meta.url as string | undefined)
  if (found === false) {
    throw new ConfigError(`store: here a URL cannot load ${name}. Import ${open} from it and give store: ${open}(…).`)
  }
  const opener = (found as Readonly<Record<string, (url: string) => Store>> | undefined)?.[open]
  if (opener !== undefined) return opener
  throw new ConfigError(
    `store: this URL needs ${name} and ${client}, of which one cannot be found. Run: npm install ${name} ${client}. ` +
      `In a bundle, import ${open} from ${name} and give store: ${open}('…').`,
  )
}

/** No more of a URL than its scheme: any other part of one that is malformed may be part of a password. */
function schemeOf(url: string): string {
  const [scheme] = /^[a-z][a-z+.-]{0,30}:(?=\/\/)/i.exec(url) ?? []
  return scheme === undefined ? 'the given text' : `${scheme}//…`
}
