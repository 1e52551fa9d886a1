import { ConfigError, createStore, type Store } from '@sluice/core'
import { checkOptions, checkWhole, LONGEST_TIMER_MS, shown } from '@sluice/core/runtime'
import { randomNumbers } from '../mock/random.js'

/** What is asked of a store. */
export type StoreMethod =
  | 'consume'
  | 'consumeOnce'
  | 'peek'
  | 'edit'
  | 'refund'
  | 'renew'
  | 'readTexts'
  | 'writeText'
  | 'addCounts'
  | 'readCounts'
  | 'reset'
  | 'clear'

/** A share of the calls from 0 to 1, or a function that decides about each, by its method and its number from 1. */
export type Share = number | ((method: StoreMethod, call: number) => boolean)

export interface FlakyOptions {
  /** Milliseconds before each answer, or a range of them. Defaults to 0. */
  readonly latency?: number | readonly [from: number, to: number] | undefined
  /** Which calls fail, without reaching the store. Defaults to 0. */
  readonly errors?: Share | undefined
  /** Which calls are never answered, nor reach the store. Defaults to 0. */
  readonly timeouts?: Share | undefined
  /** The same seed makes the same calls fail. Defaults to 1. */
  readonly seed?: number | undefined
}

/**
 * A store that is slow, fails or does not answer, to test what `onStoreError` and `timeoutMs` do in an app.
 * @param store A Store, or the URL of one.
 * @example
 * let isDown = false
 * const limit = sluice({ store: flakyStore(memoryStore(), { errors: () => isDown }), onStoreError: 'allow' })
 * @throws {ConfigError} on an option that cannot be right.
 */
export function flakyStore(store: Store | string, options: FlakyOptions = {}): Store {
  const inner = toStore(store)
  const faults = new StoreFaults(options)
  const flaky: Store = {
    consume: (...asked) => faults.through('consume', () => inner.consume(...asked)),
    consumeOnce: (...asked) => faults.through('consumeOnce', () => inner.consumeOnce(...asked)),
    peek: (...asked) => faults.through('peek', () => inner.peek(...asked)),
    edit: (...asked) => faults.through('edit', () => inner.edit(...asked)),
    refund: (...asked) => faults.through('refund', () => inner.refund(...asked)),
    renew: (...asked) => faults.through('renew', () => inner.renew(...asked)),
    readTexts: (...asked) => faults.through('readTexts', () => inner.readTexts(...asked)),
    writeText: (...asked) => faults.through('writeText', () => inner.writeText(...asked)),
    reset: (...asked) => faults.through('reset', () => inner.reset(...asked)),
    clear: (...asked) => faults.through('clear', () => inner.clear(...asked)),
    close: () => inner.close(),
    ...optionalParts(inner, faults),
  }
  // It changes with each text that is written.
  if (inner.textsVersion === undefined) return flaky
  return Object.defineProperty(flaky, 'textsVersion', { get: () => inner.textsVersion })
}

/** What a store may lack, so that it lacks it here, too. */
function optionalParts(inner: Store, faults: StoreFaults): Partial<Store> {
  const { addCounts, readCounts, stats, masked, partOf, url, prefix, maxKeys } = inner
  return {
    ...(addCounts && { addCounts: (asked) => faults.through('addCounts', () => addCounts.call(inner, asked)) }),
    ...(readCounts && { readCounts: (asked) => faults.through('readCounts', () => readCounts.call(inner, asked)) }),
    ...(stats && { stats: () => stats.call(inner) }),
    ...(masked && { masked: (key) => masked.call(inner, key) }),
    ...(partOf && { partOf: (key) => partOf.call(inner, key) }),
    ...(url !== undefined && { url }),
    ...(prefix !== undefined && { prefix }),
    ...(maxKeys !== undefined && { maxKeys }),
  }
}

/** Decides what becomes of each call. */
class StoreFaults {
  readonly #latency: () => number
  readonly #fails: (method: StoreMethod, call: number) => boolean
  readonly #hangs: (method: StoreMethod, call: number) => boolean
  #calls = 0

  constructor(options: FlakyOptions) {
    checkOptions('flakyStore()', options, ['latency', 'errors', 'timeouts', 'seed'])
    const { latency = 0, errors = 0, timeouts = 0, seed = 1 } = options
    const random = randomNumbers(checkWhole('seed', seed, 0, 2 ** 32 - 1))
    this.#latency = checkLatency(latency, random)
    this.#fails = checkShare('errors', errors, random)
    this.#hangs = checkShare('timeouts', timeouts, random)
  }

  async through<T>(method: StoreMethod, call: () => T | Promise<T>): Promise<T> {
    this.#calls += 1
    const [ms, fails, hangs] = [this.#latency(), this.#fails(method, this.#calls), this.#hangs(method, this.#calls)]
    if (hangs) return new Promise<never>(() => undefined)
    if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms))
    if (fails) throw new Error(`flakyStore(): ${method} failed, as it was asked to.`)
    return call()
  }
}

function checkLatency(latency: unknown, random: () => number): () => number {
  const [from, to]: unknown[] = Array.isArray(latency) ? latency : [latency, latency]
  if (isMs(from) && isMs(to) && from <= to) return () => from + random() * (to - from)
  throw new ConfigError(
    `latency: expected milliseconds such as 50, or a range such as [20, 80], got ${shown(latency)}.`,
  )
}

function isMs(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value <= LONGEST_TIMER_MS
}

function checkShare(
  option: string,
  share: Share,
  random: () => number,
): (method: StoreMethod, call: number) => boolean {
  if (typeof share === 'function') return share
  if (typeof share === 'number' && share >= 0 && share <= 1) return () => random() < share
  throw new ConfigError(`${option}: expected a share of the calls from 0 to 1, or a function, got ${shown(share)}.`)
}

function toStore(given: Store | string): Store {
  if (typeof given === 'string') return createStore(given)
  if (typeof given === 'object' && given !== null && typeof given.consume === 'function') return given
  throw new ConfigError(`flakyStore() takes a Store, such as memoryStore(), or the URL of one, got ${shown(given)}.`)
}
