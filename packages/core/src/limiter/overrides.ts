import type { Override } from '../decisions/override.js'
import { ConfigError, describe, isStoreError } from '../errors.js'
import type { Failover } from '../failover/failover.js'
import { isThenable } from '../runtime/thenable.js'
import type { Store, Texts } from '../stores/store.js'

/** What is read is used for so long, while decisions go on; then it is read again beside them. */
const READ_AGAIN_MS = 400

/** Read so long ago, it is read again before anything is decided. */
const STALE_MS = 900

/** The overrides of one limit. */
interface OfLimit {
  readonly byKey: Map<string, Override>
  readonly byPrefix: Map<string, Override>
  /** The lengths of the prefixes, the longest first. */
  lengths: readonly number[]
}

const NONE: OfLimit = { byKey: new Map(), byPrefix: new Map(), lengths: [] }

/** The overrides of all limits on one store. Others may change them at any time: what is used is never older than a second. */
export class Overrides {
  readonly #failover: Failover
  readonly #store: Store
  #version = ''
  #limits: ReadonlyMap<string, OfLimit> = new Map()
  #readAt = Number.NEGATIVE_INFINITY
  /** Whether the store tells at once whether anything has changed. */
  readonly #isHere: boolean
  #reading: Promise<void> | undefined

  constructor(failover: Failover) {
    this.#failover = failover
    this.#store = failover.store
    this.#isHere = tellsAtOnce(this.#store)
  }

  /** Whether it is certain, without asking, that there are none. */
  get areNone(): boolean {
    return this.#isHere && this.#limits.size === 0 && this.#store.textsVersion === this.#version
  }

  /** Whether any limit has an override. */
  get isEmpty(): boolean {
    return this.#limits.size === 0
  }

  /** Reads them again where that is due. A promise where what is known is too old to decide by; it does not reject. */
  read(timeoutMs: number): Promise<void> | undefined {
    if (this.#isHere && this.#store.textsVersion === this.#version) return undefined
    const age = this.#isHere ? STALE_MS : performance.now() - this.#readAt
    if (age < READ_AGAIN_MS) return undefined
    this.#reading ??= this.#readNow(timeoutMs)
    return age < STALE_MS ? undefined : this.#reading
  }

  /** What holds for a key of a limit, if anything but the limit's own policies does. */
  find(limit: string, key: string): Override | undefined {
    const known = this.#limits.get(limit)
    if (known === undefined) return undefined
    const exact = known.byKey.get(this.#masked(key))
    if (exact !== undefined && isCurrent(exact)) return exact
    for (const length of known.lengths) {
      const one = length > key.length ? undefined : known.byPrefix.get(key.slice(0, length))
      if (one !== undefined && isCurrent(one)) return one
    }
    return undefined
  }

  /** Those of a limit that have not expired, as the store has them now. */
  async list(limit: string, timeoutMs: number): Promise<readonly Override[]> {
    await this.#refresh(timeoutMs)
    const { byKey, byPrefix } = this.#limits.get(limit) ?? NONE
    return [...byKey.values(), ...byPrefix.values()].filter(isCurrent)
  }

  /**
   * Sets what holds for a key, or with `undefined` that nothing does.
   * @throws {RangeError} where there are too many; as a rejection, like a `StoreError` where the store does not answer in time.
   */
  async set(limit: string, key: string, override: Override | undefined, timeoutMs: number): Promise<void> {
    const masked = this.#masked(key)
    if (key.endsWith('*') && masked !== key) {
      throw new ConfigError(
        'override(): this store keeps keys as hashes, of which none begins as its key does. Name whole keys.',
      )
    }
    const name = JSON.stringify([limit, masked])
    const text = override === undefined ? undefined : JSON.stringify({ ...override, key: masked })
    const expiresAt = override?.expiresAt ?? Number.POSITIVE_INFINITY
    const kept = await this.#failover.inTime(this.#store.writeText({ name, text, expiresAt }), timeoutMs)
    if (!kept) throw new RangeError('A store has at most 10,000 overrides. Use a key that ends in *, or a plan.')
    await this.#refresh(timeoutMs)
  }

  /** As the store shows keys: where it hides them, their hash. */
  #masked(key: string): string {
    return this.#store.masked?.(key) ?? key
  }

  /** Reads them now, whatever their age. */
  async #refresh(timeoutMs: number): Promise<void> {
    this.#keep(await this.#failover.inTime(this.#store.readTexts(this.#version), timeoutMs))
  }

  #readNow(timeoutMs: number): Promise<void> | undefined {
    // A store of somebody's own that was written before there were overrides has none.
    if (typeof this.#store.readTexts !== 'function') {
      this.#readAt = Number.POSITIVE_INFINITY
      return undefined
    }
    try {
      const answer = this.#store.readTexts(this.#version)
      if (isThenable(answer)) return this.#readLater(answer, timeoutMs)
      this.#keep(answer)
      this.#readAt = performance.now()
    } catch (error) {
      this.#failed(error)
    }
    return undefined
  }

  async #readLater(answer: Promise<Texts>, timeoutMs: number): Promise<void> {
    const began = performance.now()
    try {
      this.#keep(await this.#failover.inTime(answer, timeoutMs))
      this.#readAt = began
    } catch (error) {
      this.#failed(error)
    }
    this.#reading = undefined
  }

  /** Of a store that does not answer, the decisions tell; of what stands where overrides should, they would not. */
  #failed(error: unknown): void {
    this.#readAt = performance.now()
    if (!isStoreError(error) || error.bucket !== undefined) this.#failover.report(error)
  }

  #keep({ version, texts }: Texts): void {
    if (texts === undefined) return
    const limits = new Map<string, OfLimit>()
    for (const [name, text] of texts) {
      try {
        const [limit] = JSON.parse(name) as [string]
        add(limits, limit, JSON.parse(text) as Override)
      } catch (error) {
        this.#failover.report(new ConfigError(`An override in the store cannot be read: ${describe(error)}`))
      }
    }
    for (const known of limits.values()) {
      const lengths = new Set([...known.byPrefix.keys()].map(({ length }) => length))
      known.lengths = [...lengths].sort((a, b) => b - a)
    }
    this.#limits = limits
    this.#version = version
  }
}

function add(limits: Map<string, OfLimit>, limit: string, override: Override): void {
  if (typeof override.key !== 'string' || !(Array.isArray(override.to) || SHORT.includes(override.to))) {
    throw new ConfigError('it says neither whose it is nor what holds.')
  }
  const known: OfLimit = limits.get(limit) ?? { byKey: new Map(), byPrefix: new Map(), lengths: [] }
  limits.set(limit, known)
  if (override.key.endsWith('*')) known.byPrefix.set(override.key.slice(0, -1), override)
  else known.byKey.set(override.key, override)
}

/** A store of somebody's own may inherit from one that tells, and not be one. */
function tellsAtOnce(store: Store): boolean {
  try {
    return store.textsVersion !== undefined
  } catch {
    return false
  }
}

const SHORT: readonly unknown[] = ['unlimited', 'blocked']

function isCurrent({ expiresAt }: Override): boolean {
  return expiresAt === null || expiresAt > Date.now()
}

const known = new WeakMap<Failover, Overrides>()

/** All limits on a store share what is known of its overrides. */
export function overridesOf(failover: Failover): Overrides {
  let overrides = known.get(failover)
  if (overrides === undefined) {
    overrides = new Overrides(failover)
    known.set(failover, overrides)
  }
  return overrides
}
