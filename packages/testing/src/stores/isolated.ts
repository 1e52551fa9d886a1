import { randomBytes } from 'node:crypto'
import { ConfigError, createStore } from '@sluice/core'
import { shown } from '@sluice/core/runtime'

/** A place for the buckets of one test file. */
export interface IsolatedStore extends AsyncDisposable {
  /** A store's URL for `sluice({ store })`, with a prefix that nobody else uses. */
  readonly url: string
  /** The prefix; `undefined` for memory, where every `sluice()` has buckets of its own. */
  readonly prefix: string | undefined
  /** Forgets everything under the prefix, and nothing else: after each test, or once at the end of the file. */
  clear(): Promise<void>
}

/**
 * Gives a test file a prefix of its own, so that files that run at the same time can share a Redis.
 * @param url A store's URL, such as `process.env.REDIS_URL`. Defaults to `'memory:'`.
 * @example
 * const store = isolated(process.env.REDIS_URL)
 * const limit = sluice({ store: store.url })
 * afterAll(() => store.clear())
 * @throws {ConfigError} on a URL that is no store's, or has a query already.
 */
export function isolated(url: string = 'memory:'): IsolatedStore {
  if (typeof url !== 'string') {
    throw new ConfigError(`isolated() takes the URL of a store, such as 'redis://localhost:6379', got ${shown(url)}.`)
  }
  if (url === 'memory:') return { url, prefix: undefined, clear: nothing, [Symbol.asyncDispose]: nothing }
  if (!/^(?:rediss?(?:\+\w+)?:\/\/|upstash:)/.test(url)) {
    throw new ConfigError("isolated() takes 'redis://…', 'rediss://…', 'upstash:' or 'memory:', and got another URL.")
  }
  if (url.includes('?')) {
    throw new ConfigError('isolated() adds ?prefix= to the URL, which has a query already. Leave it away.')
  }
  const prefix = `test-${process.pid}-${randomBytes(6).toString('hex')}`
  const own = `${url}?prefix=${prefix}`
  const clear = async (): Promise<void> => {
    const store = createStore(own)
    try {
      await store.clear()
    } finally {
      await store.close()
    }
  }
  return { url: own, prefix, clear, [Symbol.asyncDispose]: clear }
}

async function nothing(): Promise<void> {}
